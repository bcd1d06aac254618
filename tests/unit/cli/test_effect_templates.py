"""`hookdesk effects approve --template`, `templates` and `revoke`."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Receive, Run, json_lines
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.templates import digest
from worker.store.effects import add, list_effects

TEXT = "How did we do? {link}"
NAME = digest(EffectKind.SURVEY, TEXT)


@pytest.fixture
def waiting(desk: Desk, receive: Receive, clock: ManualClock) -> list[int]:
    """Two surveys with the same words, a third with others, and a note, all waiting for a person."""
    receive("01_conversation_created_webwidget")
    texts = [(EffectKind.SURVEY, TEXT), (EffectKind.SURVEY, TEXT), (EffectKind.SURVEY, "Hm? {link}")]
    rows = [(kind, {"text": text, "resolution": 1}) for kind, text in [*texts, (EffectKind.PRIVATE_NOTE, "Hm.")]]
    effects = [(1, Effect(kind, f"test:{n}", payload)) for n, (kind, payload) in enumerate(rows)]
    with desk.db.write() as conn:
        return add(conn, effects, states=lambda _: EffectState.APPROVAL, now=clock.now())


def states(desk: Desk, ids: list[int]) -> list[str]:
    held = {row.id: row.state for row in list_effects(desk.db, limit=100)}
    return [held[each] for each in ids]


class TestApprove:
    def test_it_shows_first_what_it_would_do(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        shown = run("effects", "approve", f"e{waiting[0]}", "--template")

        assert shown.exit_code == 0
        assert f"would go from now on: {TEXT}" in shown.stderr
        assert "1 would be approved. Repeat with --yes" in shown.stderr
        assert states(desk, waiting) == ["approval"] * 4
        assert run("effects", "templates").stdout.startswith("No template was let go")

    def test_everything_with_the_same_words_goes(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        done = json_lines(run("effects", "approve", f"e{waiting[0]}", "--template", "--yes", "--json"))

        assert [row["id"] for row in done] == waiting[:2]
        assert states(desk, waiting) == ["pending", "pending", "approval", "approval"]
        (kept,) = json_lines(run("effects", "templates", "--json"))
        assert (kept["template"], kept["kind"], kept["text"], kept["revoked_at"]) == (NAME, "survey", TEXT, None)
        assert kept["actor"]

    def test_what_no_template_made_is_refused(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        result = run("effects", "approve", f"e{waiting[0]}", f"e{waiting[3]}", "--template", "--yes")

        assert result.exit_code == 4
        assert f"e{waiting[3]} is a private_note that no template made" in result.stderr
        assert states(desk, waiting) == ["approval"] * 4

    def test_one_alone_leaves_its_template_alone(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        run("effects", "approve", f"e{waiting[0]}", "--yes")

        assert states(desk, waiting[:2]) == ["pending", "approval"]


class TestRevoke:
    @pytest.fixture(autouse=True)
    def approved(self, run: Run, waiting: list[int]) -> None:
        run("effects", "approve", f"e{waiting[0]}", "--template", "--yes")

    def test_it_shows_first_what_it_would_do(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        shown = run("effects", "revoke", NAME[:12])

        assert (shown.exit_code, shown.stdout) == (0, f"{NAME[:12]} (survey): {TEXT}\n")
        assert states(desk, waiting[:2]) == ["pending", "pending"]

    def test_what_has_not_gone_out_waits_again(self, run: Run, desk: Desk, waiting: list[int]) -> None:
        done = run("effects", "revoke", NAME[:12], "--yes")

        assert done.stdout == f"{NAME[:12]} is revoked. Waiting again: e{waiting[0]}, e{waiting[1]}.\n"
        assert states(desk, waiting) == ["approval"] * 4
        (kept,) = json_lines(run("effects", "templates", "--json"))
        assert kept["revoked_at"] is not None and kept["revoked_by"]
        assert "revoked" in run("effects", "templates").stdout

    @pytest.mark.parametrize(("name", "code"), [("abcdef", 1), (NAME[:5], 1), ("", 1)])
    def test_a_name_nobody_knows_is_not_found(self, run: Run, name: str, code: int) -> None:
        assert run("effects", "revoke", name, "--yes").exit_code == code

    def test_twice_is_refused(self, run: Run) -> None:
        run("effects", "revoke", NAME, "--yes")

        again = run("effects", "revoke", NAME, "--yes")

        assert again.exit_code == 4
        assert "was revoked at" in again.stderr
