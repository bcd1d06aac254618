"""The benchmarks' own tools: what writes tables and plots, and what measures. Their figures are nobody's test."""

from __future__ import annotations

import math
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import findings, numbers, report, traffic
from bench.chart import svg
from bench.findings import Findings, Plot, Record, Table
from bench.load import Load
from worker.intake.registry import parse
from worker.signing import sign_chatwoot

SVG = "{http://www.w3.org/2000/svg}"
AT = datetime(2026, 6, 17, 9, 30, tzinfo=UTC)
PLOT = Plot(
    name="accept",
    title="Accepted & answered",
    x="connections",
    y="answers per second",
    lines={"ours": [[1, 400], [8, 1500], [128, 2900.5]], "theirs": [[1, 300], [8, 800], [128, 700]]},
    log_x=True,
)
TABLE = Table(
    "Per second", ["connections", "who", "answers/s", "p99 ms"], [[8, "a|b", 1500.4, 3.14159], [8, "c", 0.0123, None]]
)
RECORD = Record(
    part="accept",
    command="python -m bench accept --quick",
    began="2027-01-15 10:00",
    seconds=12.5,
    machine={"CPU": "a fast one", "cores": "2"},
    findings=Findings("Accept", ["Only receivers run."], [TABLE], [PLOT]),
    conditions={"load": "0.1 0.2 0.3"},
)


class TestReport:
    def test_a_table_is_markdown(self) -> None:
        lines = report.markdown(TABLE).splitlines()

        assert lines == [
            "| connections | who | answers/s | p99 ms |",
            "| --- | ---: | ---: | ---: |",
            "| 8 | a\\|b | 1,500 | 3.14 |",
            "| 8 | c | 0.0123 | – |",
        ]

    @pytest.mark.parametrize(
        ("value", "shown"),
        [(0.0, "0"), (0.05, "0.0500"), (9.99, "9.99"), (99.94, "99.9"), (12345.6, "12,346"), (math.nan, "–")],
    )
    def test_a_number_has_three_digits(self, value: float, shown: str) -> None:
        assert report.number(value) == shown

    def test_what_was_recorded_is_read_back(self, tmp_path: Path) -> None:
        findings.save(tmp_path / "run.json", {"accept": RECORD})

        assert findings.load(tmp_path / "run.json") == {"accept": RECORD}

    def test_without_a_record_there_is_nothing(self, tmp_path: Path) -> None:
        assert findings.load(tmp_path / "none.json") == {}

    def test_the_page_names_command_conditions_plot_and_machine(self, tmp_path: Path) -> None:
        page = report.write(tmp_path, "run", {"accept": RECORD}).read_text("utf-8")

        assert "`python -m bench accept --quick`, 2027-01-15 10:00 UTC, 12.5 s.\nAround it: load 0.1 0.2 0.3." in page
        assert "- Only receivers run." in page
        assert "![Accepted & answered](run-accept.svg)" in page
        assert "| CPU | a fast one |" in page
        assert (tmp_path / "run-accept.svg").read_text("utf-8") == svg(PLOT)

    def test_parts_measured_on_another_machine_are_told_apart(self) -> None:
        other = Record("paced", "python -m bench paced", "2027-01-16 10:00", 1.0, {"CPU": "slow"}, Findings("Paced"))

        page = report.render("run", [RECORD, other])

        assert "Of: accept.\n\n| | |\n|---|---|\n| CPU | a fast one |" in page
        assert "Of: paced.\n\n| | |\n|---|---|\n| CPU | slow |" in page


class TestChart:
    def test_every_line_has_its_points_and_its_name(self) -> None:
        drawn = ElementTree.fromstring(svg(PLOT))

        lines = [line.attrib["points"].split() for line in drawn.iter(f"{SVG}polyline")]
        assert [len(points) for points in lines] == [3, 3]
        texts = [element.text for element in drawn.iter(f"{SVG}text")]
        assert {"ours", "theirs", "Accepted & answered", "connections", "answers per second"} <= set(texts)

    def test_more_is_higher_and_a_logarithm_spaces_evenly(self) -> None:
        drawn = ElementTree.fromstring(svg(PLOT))

        points = next(drawn.iter(f"{SVG}polyline")).attrib["points"].split()
        (x1, y1), (x8, y8), (x128, y128) = (tuple(map(float, point.split(","))) for point in points)
        assert y1 > y8 > y128 > 0
        assert (x8 - x1) / (x128 - x1) == pytest.approx(3 / 7, abs=0.001)

    @pytest.mark.parametrize("lines", [{}, {"flat": [[0, 0], [1, 0]]}, {"one": [[5, 7]]}])
    def test_little_to_draw_is_drawn_too(self, lines: dict[str, list[list[float]]]) -> None:
        drawn = ElementTree.fromstring(svg(Plot("p", "Title", "x", "y", lines)))

        assert len(list(drawn.iter(f"{SVG}polyline"))) == len(lines)


class TestNumbers:
    def test_percentiles_are_values_that_occurred(self) -> None:
        times = numbers.milliseconds([micros * 1000 for micros in range(1000, 0, -1)])

        assert times == {"p50": 500.0, "p99": 990.0, "p99.9": 999.0, "max": 1000.0}

    def test_without_values_there_are_none(self) -> None:
        assert all(math.isnan(value) for value in numbers.milliseconds([]).values())

    def test_ratios_are_of_pairs(self) -> None:
        assert numbers.ratios([10, 40, 30], [10, 10, 10]) == (3.0, 1.0, 4.0)

    def test_growth_is_the_slope(self) -> None:
        assert numbers.slope([(0.0, 10.0), (1.0, 12.0), (2.0, 14.0)]) == pytest.approx(2.0)
        assert numbers.slope([(1.0, 5.0)]) == 0.0


class TestTraffic:
    def test_every_request_is_a_conversation_of_its_own_as_of_now(self) -> None:
        bodies = list(traffic.new_tickets(5, 2, at=AT))

        said = [parse("chatwoot", "chatwoot", {}, body, received_at=AT, sent_at=AT, account_id=1) for body in bodies]
        assert [one.ticket.external_id for one in said if one.ticket] == ["1/1000000005", "1/1000000006"]
        assert [one.facts[0].at for one in said] == [datetime(2026, 6, 17, 9, 30, 0, 533_000, tzinfo=UTC)] * 2

    def test_requests_are_signed(self) -> None:
        (made,) = traffic.requests("http://127.0.0.1:8000/webhooks/chatwoot", "a secret", first=1, count=1)

        head, _, body = made.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        wanted = sign_chatwoot("a secret", body, timestamp=headers["X-Chatwoot-Timestamp"])
        assert headers["X-Chatwoot-Signature"] == wanted
        assert headers["Content-Length"] == str(len(body))


class TestLoad:
    def test_it_counts_answers_and_refusals_and_bears_a_closed_connection(self) -> None:
        with a_server([b"200 OK", b"503 Busy", b""]) as url:
            sample = Load(url, [REQUEST] * 6, connections=1, seconds=10).run()

        assert (len(sample.micros), sample.failures) == (2, 4)
        assert sorted(sample.sent) == [0, 1, 2, 3, 4, 5]

    def test_at_a_rate_all_are_sent_in_their_time(self) -> None:
        with a_server([b"200 OK"]) as url:
            sample = Load(url, [REQUEST] * 5, connections=2, rate=100).run()

        assert len(sample.micros) == 5
        assert sample.seconds >= 0.04
        assert [round(sample.sent[n + 1] - sample.sent[n], 3) for n in range(4)] == [0.01] * 4


REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def a_server(answers: list[bytes]) -> Iterator[str]:
    """Gives these answers in turn; an empty one is a closed connection."""
    turn = iter(answers * 10)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65_536):
                if not (status := next(turn)):
                    return
                self.request.sendall(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nok" % status)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
