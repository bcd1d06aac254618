"""Metrics: declared by the rules, right over several processes, and an endpoint that tells what is wrong."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import needed
from worker import metrics, metrics_dir
from worker.domain.effects import EffectKind
from worker.errors import ConfigError
from worker.metrics_port import refuse_taken


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics_dir.VARIABLE, raising=False)


@pytest.fixture
def server() -> Iterator[metrics.Server]:
    running = metrics.serve(free_port(), "127.0.0.1", spooled=lambda: 7)
    assert running is not None
    yield running
    running.close()


class TestDeclarations:
    def test_names_follow_the_rules_of_prometheus(self) -> None:
        for family in metrics.REGISTRY.collect():
            assert re.fullmatch(r"hookdesk_[a-z_]+", family.name)
            assert family.documentation.endswith(".")
            assert family.type in {"counter", "histogram"}
            assert family.type == "counter" or family.name.endswith(("_seconds", "_bytes"))

    def test_no_label_names_an_id(self) -> None:
        allowed = {"source", "outcome", "origin", "task", "reason", "cause", "dependency", "kind"}

        for metric in metrics.KNOWN:
            assert set(metric._labelnames) <= allowed

    def test_known_label_sets_match_the_declarations_and_stay_few(self) -> None:
        series = 0
        for metric, values in metrics.KNOWN.items():
            assert len(values) == len(metric._labelnames)
            count = 1
            for labels in values:
                count *= len(labels)
            series += count * (len(getattr(metric, "_upper_bounds", ())) + 2)

        assert series < 2000

    def test_every_kind_of_effect_starts_at_zero(self) -> None:
        assert set(metrics.EFFECT_KINDS) == {kind.value for kind in EffectKind}

    def test_the_senders_patience_is_a_bucket_edge(self) -> None:
        assert 5 in metrics.RECEIVE_DURATION._upper_bounds

    def test_promtool_finds_nothing_to_say(self, server: metrics.Server) -> None:
        answer = subprocess.run(
            [needed("promtool"), "check", "metrics"],
            input=scrape(server.port),
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.stdout + answer.stderr == ""
        assert answer.returncode == 0


class TestServe:
    def test_it_shows_metrics_and_the_spool(self, server: metrics.Server) -> None:
        text = scrape(server.port)

        assert "hookdesk_spooled_deliveries 7.0" in text
        assert 'hookdesk_webhooks_received_total{outcome="rejected",source="chatwoot"}' in text

    def test_label_sets_known_beforehand_start_at_zero(self, server: metrics.Server) -> None:
        assert 'hookdesk_fenced_writes_total{task="fire_timers"} 0.0' in scrape(server.port)

    @pytest.mark.parametrize("port", [0, None])
    def test_no_port_means_off(self, port: int | None) -> None:
        assert metrics.serve(port, "127.0.0.1") is None

    def test_a_taken_port_is_a_mistake_in_the_settings_with_a_way_out(self, server: metrics.Server) -> None:
        with pytest.raises(ConfigError, match=r"HOOKDESK_METRICS_WEB_PORT.*0 turns the endpoint off"):
            metrics.serve(server.port, "127.0.0.1")

    def test_a_process_that_forks_first_can_ask_beforehand(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigError, match=rf"127.0.0.1:{port}: Address already in use; free"):
                refuse_taken(port, "127.0.0.1")

        refuse_taken(port, "127.0.0.1")
        refuse_taken(0, "127.0.0.1")

    def test_closing_frees_the_port(self) -> None:
        port = free_port()
        first = metrics.serve(port, "127.0.0.1")
        assert first is not None

        first.close()

        second = metrics.serve(port, "127.0.0.1")
        assert second is not None
        second.close()

    def test_a_spool_that_cannot_be_read_does_not_hide_the_rest(self) -> None:
        def gone() -> int:
            raise FileNotFoundError

        text = generate_latest(metrics.registry([metrics.Spool(gone)])).decode()

        assert "hookdesk_spooled_deliveries" not in text
        assert "hookdesk_csat_sent_total" in text


class TestFolder:
    def test_it_is_in_memory_one_for_each_data_folder_and_service(self, tmp_path: Path) -> None:
        memory = tmp_path / "memory"
        memory.mkdir()

        web = metrics_dir.folder(tmp_path / "data", "web", memory=memory)
        other = metrics_dir.folder(tmp_path / "other", "web", memory=memory)

        assert web.parent.parent == memory
        assert metrics_dir.folder(tmp_path / "data", "worker", memory=memory) == web.parent / "worker"
        assert other != web

    def test_without_memory_it_is_in_the_data_folder(self, tmp_path: Path) -> None:
        found = metrics_dir.folder(tmp_path / "data", "web", memory=tmp_path / "none")

        assert found == tmp_path / "data" / "metrics" / "web"

    @pytest.mark.parametrize("trap", ["open to others", "a link"])
    def test_a_place_that_somebody_else_may_have_made_is_not_used(self, tmp_path: Path, trap: str) -> None:
        place = metrics_dir.folder(tmp_path / "data", "web", memory=tmp_path).parent
        place.rmdir()
        if trap == "a link":
            place.symlink_to(tmp_path, target_is_directory=True)
        else:
            place.mkdir()
            place.chmod(0o755)

        assert metrics_dir.folder(tmp_path / "data", "web", memory=tmp_path) == tmp_path / "data" / "metrics" / "web"


class TestPrepareMultiprocess:
    def test_it_rids_the_folder_of_the_dead_and_names_it(self, tmp_path: Path) -> None:
        folder, environ = tmp_path / "metrics", dict[str, str]()
        folder.mkdir()
        (folder / f"counter_{2**22 + 1}.db").write_bytes(b"beyond the largest number of a process")
        (folder / f"counter_{os.getpid()}.db").write_bytes(b"of an earlier process of our number")
        (folder / "keep.txt").write_text("not ours")

        metrics_dir.prepare_multiprocess(folder, environ)

        assert environ == {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        assert [path.name for path in folder.iterdir()] == ["keep.txt"]

    def test_a_second_process_of_a_service_leaves_the_numbers_of_the_first(self, tmp_path: Path) -> None:
        (tmp_path / f"counter_{os.getppid()}.db").write_bytes(b"of a living one")

        metrics_dir.prepare_multiprocess(tmp_path, {})

        assert [path.name for path in tmp_path.iterdir()] == [f"counter_{os.getppid()}.db"]

    def test_it_works_before_prometheus_is_imported(self) -> None:
        code = "import sys, worker.metrics_dir; sys.exit('prometheus_client' in sys.modules)"

        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CHILDREN = """
import os, sys
from pathlib import Path
from worker.metrics_dir import prepare_multiprocess
prepare_multiprocess(Path(sys.argv[1]))
from worker import metrics
from prometheus_client import Gauge, generate_latest
running = Gauge("hookdesk_running", "Running.", registry=metrics.REGISTRY, multiprocess_mode="livesum")
for _ in range(3):
    if os.fork() == 0:
        metrics.TASK_ATTEMPTS.labels("process_deliveries").inc(20)
        metrics.TASK_DURATION.labels("process_deliveries").observe(0.3)
        running.set(1)
        os._exit(0)
for _ in range(3):
    os.wait()
running.set(1)
sys.stdout.write(generate_latest(metrics.registry()).decode())
"""


class TestSeveralProcesses:
    def test_counts_of_children_add_up_and_gauges_of_the_dead_are_dropped(self, tmp_path: Path) -> None:
        answer = subprocess.run(
            [sys.executable, "-c", CHILDREN, str(tmp_path)], capture_output=True, text=True, check=True
        )

        values = {
            (sample.name, sample.labels.get("task"), sample.labels.get("le")): sample.value
            for family in text_string_to_metric_families(answer.stdout)
            for sample in family.samples
        }
        assert values["hookdesk_task_attempts_total", "process_deliveries", None] == 60
        assert values["hookdesk_task_duration_seconds_bucket", "process_deliveries", "0.25"] == 0
        assert values["hookdesk_task_duration_seconds_bucket", "process_deliveries", "0.5"] == 3
        assert values["hookdesk_running", None, None] == 1
