"""What an operator's notice says: alone, or together with others of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.domain import bounded

LONGEST_SUBJECT = 200
LONGEST_TEXT = 4000
LONGEST_LISTED = 80
MOST_LISTED = 25
"""So that a notice can be read at a glance, and stays far below what a webhook may carry."""


@dataclass(frozen=True, slots=True)
class Item:
    """What it says about one ticket."""

    ticket_id: int
    subject: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it is told. `count`: about how many tickets; `items` lists the first of them."""

    subject: str
    text: str
    to: tuple[str, ...]
    team: str | None
    late: bool
    count: int
    items: tuple[Item, ...]

    @classmethod
    def of(cls, payload: Mapping[str, Any], *, ticket_id: int) -> Notice:
        """From an effect's payload."""
        subject = bounded.line(str(payload["subject"]), LONGEST_SUBJECT)
        text, to = bounded.text(str(payload["text"]), LONGEST_TEXT), tuple(dict.fromkeys(payload.get("to", ())))
        items = (Item(ticket_id, subject[:LONGEST_LISTED]),)
        return cls(subject, text, to, payload.get("team"), bool(payload.get("late")), 1, items)

    def data(self) -> dict[str, Any]:
        """`data` of the signed webhook. Addresses are nobody else's business."""
        tickets = [{"ticket_id": item.ticket_id, "subject": item.subject} for item in self.items]
        return {"subject": self.subject, "text": self.text, "team": self.team, "late": self.late, "count": self.count,
                "tickets": tickets}  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """To be kept between tries."""
        return {**self.data(), "to": list(self.to)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Notice:
        """What `as_json` made."""
        items = tuple(Item(one["ticket_id"], one["subject"]) for one in kept["tickets"])
        return cls(kept["subject"], kept["text"], tuple(kept["to"]), kept["team"], kept["late"], kept["count"], items)


def told_together(notices: Sequence[Notice]) -> Notice:
    """One notice for all of these; the first leads."""
    first = notices[0]
    if len(notices) == 1:
        return first
    items = tuple(item for one in notices for item in one.items)
    count = sum(one.count for one in notices)
    to = tuple(dict.fromkeys(address for one in notices for address in one.to))
    team = f" of team {first.team}" if first.team else ""
    listed = items[:MOST_LISTED]
    lines = [f"{count} notices{team} come late, so they are told together:", ""]
    lines += [f"- t{item.ticket_id}: {item.subject}" for item in listed]
    if count > len(listed):
        lines.append(f"- and {count - len(listed)} more; `hookdesk effects list --kind operator_notice` lists them")
    subject = f"{count} late notices{team}"[:LONGEST_SUBJECT]
    return Notice(subject, "\n".join(lines), to, first.team, True, count, listed)
