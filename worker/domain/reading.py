"""What the facts say about the request itself: its texts, subject, requester, channel, tier and the like."""

from __future__ import annotations

from itertools import chain

from worker.domain.facts import Act, Message, Person, Snapshot, TicketKey
from worker.domain.intake import subject_from
from worker.domain.story import Story


def texts_of(story: Story) -> tuple[str, ...]:
    """What the customer wrote, in order; what a snapshot quotes of it, while no message has reached us."""
    written = story.requests or tuple(m for m in story.messages if m.auto_reply)
    if written:
        return tuple(message.text for message in written if message.text)
    return next(((shot.text,) for shot in story.snapshots if shot.text), ())


def subject_of(story: Story, texts: tuple[str, ...]) -> str:
    """What somebody gave as the subject, else the first words of the request."""
    told: chain[Act | Snapshot | Message] = chain(reversed(story.acts), reversed(story.snapshots), story.messages)
    for one in told:
        if one.subject:
            return one.subject
    return next((subject for text in texts if (subject := subject_from(text))), "")


def requester_of(story: Story) -> Person | None:
    """Who asks: as somebody said by our own doors, as the source shows, or who wrote first."""
    said = next((act.requester for act in reversed(story.acts) if act.requester is not None), None)
    if said is not None:
        return said
    shown = next((shot.requester for shot in reversed(story.snapshots) if shot.requester is not None), None)
    return shown or next((m.by for m in story.requests or story.messages if m.by is not None), None)


def channel_of(key: TicketKey, story: Story) -> str:
    """The way it came in, in the source's word."""
    shown = next((shot.channel for shot in reversed(story.snapshots) if shot.channel), "")
    shown = shown or next((act.channel for act in reversed(story.acts) if act.channel), "")
    return shown or ("" if story.snapshots or key.source == "chatwoot" else key.source)


def tier_of(story: Story) -> str | None:
    """The customer's tier, as the source shows it or as we know the customer."""
    shown = next((shot.tier for shot in reversed(story.snapshots) if shot.tier), None)
    return shown or (story.matched.tier or None if story.matched is not None else None)


def organization_of(story: Story) -> str:
    """Whom the requester belongs to, as we know or as the source shows."""
    shown = next((shot.organization for shot in reversed(story.snapshots) if shot.organization), "")
    return story.matched.organization if story.matched is not None and story.matched.organization else shown


def language_of(story: Story) -> str:
    """The requester's, two letters, or empty."""
    shown = next((shot.language for shot in reversed(story.snapshots) if shot.language), "")
    shown = shown or next((message.language for message in reversed(story.requests) if message.language), "")
    return shown or (story.matched.language if story.matched is not None else "")
