"""Python's garbage collector in a process that works for long: without this, a tenth of its time goes there."""

from __future__ import annotations

import gc

YOUNG = 20_000  # objects made before a look; a batch makes many, and nearly all of them die by themselves


def leave_what_stands() -> None:
    """Take what has been made so far for everlasting, and look at the rest more seldom. For the end of a start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
