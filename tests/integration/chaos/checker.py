"""The judge: what must hold at rest, each law a function from the evidence to the sentences that break it.

It knows nothing of how Hookdesk works. It reads what the sender recorded, the stored rows and the public command line,
and what the practice Chatwoot holds and received.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from tests.integration.chaos.evidence import Evidence
from tests.integration.chaos.reference import comparable

Law = Callable[[Evidence], Iterator[str]]
WRITTEN = {"private_note", "reply", "survey", "closing_notice"}
OUTCOMES = {"processed", "ignored", "stale", "duplicate"}
PRIORITIES = ("low", "medium", "high", "urgent")
SHOWN_AS = {
    "open": {"new", "triaged", "in_progress"},
    "snoozed": {"pending_customer"},
    "resolved": {"resolved"},
}  # fmt: skip
"""Chatwoot's status, and what a ticket may be then."""


def check(evidence: Evidence) -> list[str]:
    """Every violation as `law: sentence`; empty when all laws hold."""
    return [f"{law.__name__}: {said}" for law in LAWS for said in law(evidence)]


def at_rest(e: Evidence) -> Iterator[str]:
    """Nothing is pending, processing, in retry, overdue, in the spool or still owed an answer."""
    for what, count in e.unrest.items():
        yield f"{count} {what} are not finished"
    if e.ledger["spooled"]:
        yield f"{e.ledger['spooled']} requests are still in the spool"
    if e.journal.unanswered:
        yield f"{e.journal.unanswered} posts were never answered 200"


def ledger_balances(e: Evidence) -> Iterator[str]:
    """The difference is 0 at every look, and the books agree with the rows and with what was posted."""
    for at, difference in e.differences[:5]:
        yield f"difference {difference} after {at:.1f} s"
    if e.ledger["difference"]:
        yield f"difference {e.ledger['difference']} at rest"
    if e.ledger["received"] != len(e.deliveries):
        yield f"received {e.ledger['received']}, but {len(e.deliveries)} rows"


def receipts_are_kept(e: Evidence) -> Iterator[str]:
    """Answered n times: at least n rows. Posted m times: at most m. Exactly one of them is the first."""
    rows, firsts = Counter(row[1] for row in e.deliveries), Counter(row[1] for row in e.deliveries if row[5] is None)
    for entry in e.journal.entries.values():
        count = rows.pop(entry.delivery_id, 0)
        if count < entry.answered:
            yield f"lost: {entry.delivery_id} ({entry.event}) answered 200 {entry.answered} times, kept {count} times"
        if count > entry.posted:
            yield f"doubled: {entry.delivery_id} ({entry.event}) posted {entry.posted} times, kept {count} times"
        if count and firsts[entry.delivery_id] != 1:
            yield f"doubled: {entry.delivery_id} has {firsts[entry.delivery_id]} first rows"
    for stranger in rows:
        yield f"invented: {stranger} was never posted"


def dead_letters_are_the_poison(e: Evidence) -> Iterator[str]:
    """Nothing else is dead, none of it escaped, and each has the cause that belongs to it."""
    delivery_of = {row[0]: row[1] for row in e.deliveries}
    wanted = {entry.delivery_id: entry.poison for entry in e.journal.entries.values() if entry.poison is not None}
    got = {delivery_of.get(letter["id"], ""): letter["cause"] for letter in e.letters}
    for delivery_id in wanted.keys() | got.keys():
        if wanted.get(delivery_id) != got.get(delivery_id):
            yield f"{delivery_id} should be {wanted.get(delivery_id)}, is {got.get(delivery_id)}"


def outcomes_are_known(e: Evidence) -> Iterator[str]:
    """Each delivery is done with an outcome, or a dead letter."""
    for id_, _, state, outcome, cause, _ in e.deliveries:
        if not (state == "dead" or (state == "done" and outcome in OUTCOMES)):
            yield f"d{id_} is {state} {outcome or ''} {cause or ''}"


def facts_are_credited(e: Evidence) -> Iterator[str]:
    """The delivery that brought a message counts as processed: it is nobody's duplicate."""
    outcome = {f"d{row[0]}": row[3] for row in e.deliveries}
    for ticket_id, key, cause in e.facts:
        if cause.startswith("d") and outcome.get(cause) != "processed":
            yield f"{key} of t{ticket_id} came by {cause}, which is {outcome.get(cause)}"


def messages_are_complete(e: Evidence) -> Iterator[str]:
    """Each message that Chatwoot holds is known to the one ticket of its conversation, and no other message is."""
    known = e.messages()
    for external, conversation in e.conversations.items():
        held = {f"message:{message.id}" for message in conversation.messages}
        if missing := held - known[external]:
            yield f"lost: {external} does not know {sorted(missing)[:5]}"
        if invented := known[external] - held:
            yield f"invented: {external} knows {sorted(invented)[:5]}"


def effects_are_performed_once(e: Evidence) -> Iterator[str]:
    """What is done shows exactly once, what is cancelled has a reason and does not show; nothing died or waits."""
    markers: dict[str, int] = defaultdict(int)
    for marker, count in e.markers().items():
        markers[marker.partition("_")[0].lstrip("er")] += count
        if count > 1:
            yield f"doubled: {marker} stands on {count} messages"
    for id_, ticket_id, kind, lane, state, cause, decision in e.effects:
        shown = markers.pop(str(id_), 0)
        name = f"e{id_} ({kind} {decision} of t{ticket_id})"
        if state == "done" and kind in WRITTEN and lane == "chatwoot" and shown != 1:
            yield f"{'lost' if shown < 1 else 'doubled'}: {name} is done and shows {shown} times"
        elif state == "cancelled" and (shown or not cause):
            yield f"{name} is cancelled for {cause or 'no reason'} and shows {shown} times"
        elif state not in {"done", "cancelled"} and not (state == "no_target" and lane != "chatwoot"):
            yield f"{name} is {state} ({cause or 'no cause'})"
    for stranger in markers:
        yield f"invented: a message in Chatwoot is marked e{stranger}, which nobody wanted"


def tickets_are_as_without_faults(e: Evidence) -> Iterator[str]:
    """Each ticket equals the one of the fault-free run of the same seed, in everything that is comparable."""
    got = comparable(e.tickets)
    for external in sorted(e.wanted.keys() | got.keys()):
        wanted, is_ = e.wanted.get(external), got.get(external)
        if wanted is None or is_ is None:
            yield f"{external} is {'missing' if is_ is None else 'one too many'}"
        elif differing := {name: (wanted[name], is_[name]) for name in wanted if wanted[name] != is_[name]}:
            yield f"{external} (wanted, is): {differing}"


def tickets_agree_with_chatwoot(e: Evidence) -> Iterator[str]:
    """Status, labels, priority, team and assignee are those that Chatwoot shows.

    But a team or an assignee that was wanted and called off is known only here: Chatwoot never heard of it. And its
    priority is written when a ticket is escalated: what the score adds later may be above it, never below.
    """
    by_external = {ticket["external_id"]: ticket for ticket in e.tickets}
    called_off = _called_off(e)
    for external, held in e.conversations.items():
        ticket = by_external.get(external)
        if ticket is None:
            yield f"{external} has no ticket"
            continue
        if ticket["status"] not in SHOWN_AS.get(held.status, set()):
            yield f"{external} is {ticket['status']}, Chatwoot shows {held.status}"
        if sorted(ticket["tags"]) != sorted(held.labels):
            yield f"{external} has labels {sorted(ticket['tags'])}, Chatwoot shows {sorted(held.labels)}"
        values = {
            "assign_agent": (_id(ticket["assignee"]), str(held.assignee.id) if held.assignee else None),
            "assign_team": (_id(ticket["team"]), str(held.team.id) if held.team else None),
        }
        if held.priority and PRIORITIES.index(ticket["priority"]) < PRIORITIES.index(held.priority):
            yield f"{external} (t{ticket['id']}) has priority {ticket['priority']}, Chatwoot shows {held.priority}"
        for kind, (stored, shown) in values.items():
            if stored != shown and (ticket["id"], kind) not in called_off:
                yield f"{external} (t{ticket['id']}): {kind} stored as {stored}, Chatwoot shows {shown}"


def _called_off(e: Evidence) -> set[tuple[int, str]]:
    """(ticket, kind) whose newest effect was cancelled; with a team that was, nobody of it is assigned either."""
    newest = {(row[1], row[2]): row[4] for row in sorted(e.effects)}
    return {key for key, state in newest.items() if state == "cancelled"}


def _id(who: dict[str, str] | None) -> str | None:
    return who["id"] if who else None


def loads_add_up(e: Evidence) -> Iterator[str]:
    """Each agent's load in the roster, by which tickets are given out, is the number of their open tickets."""
    held = Counter(_id(one["assignee"]) for one in e.tickets if one["status"] not in {"resolved", "closed"})
    for agent in e.roster:
        if agent["open_tickets"] != held[agent["id"]]:
            yield f"agent {agent['id']} has {held[agent['id']]} open tickets, the roster says {agent['open_tickets']}"


def timers_fire_once_and_in_time(e: Evidence) -> Iterator[str]:
    """Never early, never after they were cancelled, never twice for one due time; a fired one was due."""
    fired = Counter[tuple[int, str]]()
    for what, id_, old, _, due_at, at, is_early in e.notes:
        if what != "timers":
            continue
        fired[id_, due_at] += 1
        if old != "pending":
            yield f"timer {id_} fired although it was {old}"
        if is_early:
            yield f"timer {id_} due at {due_at} fired at {at}"
    for (id_, due_at), count in fired.items():
        if count > 1 and not e.clock_was_set_back:  # what is ahead of a clock that was set back is due once more
            yield f"timer {id_} due at {due_at} fired {count} times"
    for id_, _, kind, key, due_at, state, fired_at in e.timers:
        if (state == "fired") != (fired_at is not None):
            yield f"timer {id_} ({kind} {key}) is {state}, fired at {fired_at}"
        if state == "fired" and fired_at < due_at:
            yield f"timer {id_} ({kind} {key}) due at {due_at} fired at {fired_at}"


def final_rows_stay(e: Evidence) -> Iterator[str]:
    """What has reached its end is never written again: nobody works on what somebody else has finished."""
    for what, id_, old, new, *_ in e.notes:
        if what != "timers":
            yield f"{what} {id_} was {old} and was written again as {new}"


LAWS: tuple[Law, ...] = (
    at_rest, ledger_balances, receipts_are_kept, dead_letters_are_the_poison, outcomes_are_known, facts_are_credited,
    messages_are_complete, effects_are_performed_once, tickets_are_as_without_faults, tickets_agree_with_chatwoot,
    loads_add_up, timers_fire_once_and_in_time, final_rows_stay,
)  # fmt: skip
