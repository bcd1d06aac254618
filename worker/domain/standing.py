"""How a ticket stands with what was promised, in one word for lists and dashboards."""

from __future__ import annotations

from enum import StrEnum

from worker.domain.ticket import Ticket


class Standing(StrEnum):
    """The worst of its clocks that still run for something unmet."""

    FINE = ""
    AT_RISK = "at_risk"
    BREACHED = "breached"


def standing(ticket: Ticket) -> Standing:
    """As of the last decision, which a timer takes anew at each warning and each deadline."""
    unmet = [clock for clock in ticket.clocks if clock.met_at is None]
    if any(clock.breached_at is not None for clock in unmet):
        return Standing.BREACHED
    return Standing.AT_RISK if any(clock.at_risk and not clock.paused for clock in unmet) else Standing.FINE
