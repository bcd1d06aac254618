"""What the demo shows: a live table on a terminal, plain lines elsewhere, and the sum at the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from worker.cli.output import clean, console, print_table, shortened

if TYPE_CHECKING:
    from worker.cli.demo_scenes import Scene
    from worker.cli.demo_story import Story
    from worker.store.tickets import StoredTicket

_REFRESH_SECONDS = 0.5


class Screen:
    """A context: live inside, quiet after."""

    def __init__(self) -> None:
        self._console = console()
        self._live: Live | None = None
        self._story: Story | None = None
        self._refreshed = 0.0

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def say(self, sentence: str) -> None:
        """One line, with the time since the story began."""
        seconds = f"{self._story.seconds:5.1f} s" if self._story is not None else "       "
        self._console.print(f"{seconds}  {clean(sentence)}", markup=False)

    def follow(self, story: Story) -> None:
        """Show this story from now on."""
        self._story = story
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    def refresh(self) -> None:
        """Draw again, twice a second."""
        now = time.monotonic()
        if self._live is not None and now - self._refreshed >= _REFRESH_SECONDS:
            self._refreshed = now
            self._live.update(self._table(), refresh=True)

    def sum_up(self, story: Story) -> bool:
        """What happened and why; True when all that should have happened did."""
        self._stop()
        self._story = None
        held = story.tickets()
        click.echo("\nWhat was routed where, and why")
        print_table(("tickets", "category", "team", "agents", "rule"), _routes(held), empty="nothing")
        for reason in _reasons(held):
            self._tell(reason)
        for scene in story.scenes.values():
            self._tell_scene(story, scene)
        sent = ", ".join(f"{n} {state}" for state, n in story.effects().most_common())
        click.echo(f"\nAssignments, notes and surveys for Chatwoot: {sent}")
        books = story.books()
        click.echo("\nThe ledger: everything received is accounted for")
        print_table(
            ("received", "processed", "ignored", "stale", "duplicate", "dead", "open", "difference"),
            [(books.received, books.processed, books.ignored, books.stale, books.duplicate, books.dead,
              books.pending + books.processing + books.retry, books.difference)],
            empty="",
        )  # fmt: skip
        return books.difference == 0 and all(scene.reasons for scene in story.scenes.values())

    def _tell_scene(self, story: Story, scene: Scene) -> None:
        click.echo(f"\n{scene.title}")
        ticket = scene.ticket
        if ticket is None:
            click.echo("  but it did not happen, or was not noticed: this should not be")
            return
        record = ticket.ticket
        self._tell(f"t{ticket.id}: {shortened(record.subject if record else '')}")
        self._tell("; ".join(dict.fromkeys(scene.reasons)))

    def _tell(self, sentence: str) -> None:
        self._console.print(Padding(Text(clean(sentence)), (0, 0, 0, 2), expand=False))

    def _table(self) -> Table:
        table = Table(title="Hookdesk demo", box=None, title_justify="left", min_width=60)
        table.add_column("tickets")
        table.add_column("", justify="right")
        table.add_column("deliveries")
        table.add_column("", justify="right")
        story = self._story
        if story is None:
            return table
        statuses = Counter(str(t.ticket.status) if t.ticket else "new" for t in story.tickets())
        books = story.books()
        left = [*sorted(statuses.items()), ("all", sum(statuses.values()))]
        names = ("received", "processed", "duplicate", "stale", "ignored", "dead", "difference")
        right = [(name, getattr(books, name)) for name in names]
        for n in range(max(len(left), len(right))):
            table.add_row(*_pair(left, n), *_pair(right, n))
        return table

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _pair(rows: list[tuple[str, int]], n: int) -> tuple[str, str]:
    return (rows[n][0], str(rows[n][1])) if n < len(rows) else ("", "")


def _routes(held: list[StoredTicket]) -> list[tuple[Any, ...]]:
    """One line per category and team, with who got how many and by which rule."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for ticket in held:
        record = ticket.ticket
        if record is not None and record.routed is not None:
            routed = record.routed
            team = routed.team.name if routed.team else "none"
            agent = routed.agent.name if routed.agent else "the team's queue"
            groups.setdefault((record.category, team, routed.rule), Counter())[agent] += 1
    return [
        (agents.total(), category, team, ", ".join(f"{name} {n}" for name, n in agents.most_common()), rule)
        for (category, team, rule), agents in sorted(groups.items(), key=lambda item: (-item[1].total(), item[0]))
    ]


def _reasons(held: list[StoredTicket]) -> list[str]:
    """A few of the reasons in full, each by another rule."""
    found: dict[str, str] = {}
    for ticket in reversed(held):
        if ticket.ticket is not None and ticket.ticket.routed is not None:
            routed = ticket.ticket.routed
            found.setdefault(routed.rule, f"t{ticket.id}: {clean(routed.reason)}")
    return list(found.values())[:3]
