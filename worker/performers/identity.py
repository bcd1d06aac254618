"""What an effect is called outside, where a repetition is told by its name."""

from __future__ import annotations

import hashlib

from worker.store.effects import ClaimedEffect, StoredEffect


def lasting(effect: ClaimedEffect | StoredEffect, part: str = "") -> str:
    """`e4_` and sixteen hex digits: the same over all tries of one effect, and of no other.

    Also not of one with the same number in a database that was made anew: who has seen that name would drop it.
    """
    whole = f"e{effect.id}:{effect.created_at.isoformat()}:{part}"
    return f"e{effect.id}_{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
