"""Whether a customer's message is nothing but "thanks, that solved it"."""

from __future__ import annotations

from worker.domain.facts import Message
from worker.domain.matching import prose
from worker.domain.policy import ClosingPolicy

LONGEST = 200  # characters; who writes more has more to say


def is_confirmation(message: Message, policy: ClosingPolicy) -> bool:
    """Whether it holds a confirming phrase of the policy and beside those only polite words and the writer's name.

    A question, a "but", or any other word is something to look at: then it is an ordinary message.
    """
    if not policy.enabled or not policy.confirm_words or "?" in message.text or len(message.text) > LONGEST:
        return False
    words = prose(message.text)
    rest = _without(words, policy.confirm_words)
    if rest == words:
        return False
    name = message.by.name if message.by is not None else ""
    polite = {*prose(name).split(), *(word for phrase in policy.polite_words for word in prose(phrase).split())}
    return all(word in polite for word in rest.split())


def _without(words: str, phrases: tuple[str, ...]) -> str:
    """The longest phrases go first: "that solved it" before "solved"."""
    for phrase in sorted((prose(each) for each in phrases), key=lambda each: (-len(each), each)):
        while phrase.strip() and phrase in words:
            words = words.replace(phrase, " ")
    return words
