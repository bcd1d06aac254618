"""[reopen] of the policy file: what a customer who writes after the resolution gets, in time and later."""

from __future__ import annotations

from worker.domain.policy import ReopenPolicy
from worker.domain.reopening import RESTART, RESUME, ROUTE, SAME
from worker.toml_table import Table, duration, one_of


def reopen(table: Table) -> ReopenPolicy:
    """[reopen]."""
    usual = ReopenPolicy()
    agent, clocks = one_of((SAME, ROUTE)), one_of((RESUME, RESTART))
    reopen = ReopenPolicy(
        window=table.read("window", usual.window, duration),
        agent_within=table.read("agent_within", usual.agent_within, agent),
        clocks_within=table.read("clocks_within", usual.clocks_within, clocks),
        agent_later=table.read("agent_later", usual.agent_later, agent),
        clocks_later=table.read("clocks_later", usual.clocks_later, clocks),
    )
    table.finish()
    return reopen
