"""The CSAT score: the share of answers that gave 4 or 5 of 5, and how many of those asked answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SATISFIED = 4
RATINGS = (1, 2, 3, 4, 5)


@dataclass(slots=True)
class Score:
    """Counts of surveys. `asked` and `replied` are of our own surveys alone: of Chatwoot's we only see the answers."""

    asked: int = 0
    replied: int = 0
    ratings: dict[int, int] = field(default_factory=lambda: dict.fromkeys(RATINGS, 0))

    def add(self, *, was_asked: bool, rating: int | None) -> None:
        """Count one survey; without a rating nobody has answered it."""
        self.asked += was_asked
        self.replied += was_asked and rating is not None
        if rating is not None:
            self.ratings[rating] += 1

    @property
    def answers(self) -> int:
        """How many answered."""
        return sum(self.ratings.values())

    @property
    def share(self) -> float | None:
        """The score, 0 to 1; None without an answer."""
        satisfied = sum(count for rating, count in self.ratings.items() if rating >= SATISFIED)
        return satisfied / self.answers if self.answers else None

    @property
    def response_rate(self) -> float | None:
        """0 to 1; None when nobody was asked."""
        return self.replied / self.asked if self.asked else None


def of(surveys: Iterable[tuple[bool, int | None]]) -> Score:
    """The score of these (was asked by us, rating or None)."""
    score = Score()
    for was_asked, rating in surveys:
        score.add(was_asked=was_asked, rating=rating)
    return score
