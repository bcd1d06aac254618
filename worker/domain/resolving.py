"""What was done about a request: the resolution text, wherever the agent wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from worker.domain.facts import Author, Verb
from worker.domain.policy import ClosingPolicy
from worker.domain.story import Story
from worker.domain.ticket import Resolution

LONGEST = 2000
_SAY_WHAT_WAS_DONE = (Verb.RESOLVE, Verb.CLOSE)


def resolution_text(story: Story, resolutions: Sequence[Resolution], policy: ClosingPolicy) -> str:
    """The text of the current or last resolution, or "": said by our own doors, or found where the policy looks."""
    if not resolutions:
        return ""
    since = resolutions[-2].reopened_at if len(resolutions) > 1 else None
    until = resolutions[-1].reopened_at
    texts = _said(story, policy, since, until)
    return next((text.strip()[:LONGEST] for text in texts if text.strip()), "")


def _said(story: Story, policy: ClosingPolicy, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Candidates in order of preference; only what was written between the reopening before and the next one."""

    def within(at: datetime) -> bool:
        return (since is None or at >= since) and (until is None or at <= until)

    yield from (act.text for act in reversed(story.acts) if act.verb in _SAY_WHAT_WAS_DONE and within(act.at))
    agents = [m for m in reversed(story.messages) if m.author is Author.AGENT and within(m.at)]
    for place in policy.resolution_from:
        if place == "attribute" and story.last is not None:
            yield from (text for name, text in story.last.attributes if name == policy.resolution_attribute)
        if place == "note":
            prefix = policy.resolution_prefix.casefold()
            notes = (m.text.strip() for m in agents if m.private)
            yield from (text[len(prefix) :] for text in notes if text.casefold().startswith(prefix))
        if place == "reply":
            yield from (m.text for m in agents if not m.private)
