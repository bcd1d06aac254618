"""Keep how many open tickets each agent has; counted here once, and anew by the scheduler ever after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Workers from before this step add nothing here: what they do meanwhile is counted half a minute later."""
    op.create_table(
        "agent_load",
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("agent_id", sa.String(60), nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
    )
    op.execute(
        "INSERT INTO agent_load (agent_id, n) SELECT assignee_id, count(*) FROM tickets"
        " WHERE status NOT IN ('resolved','closed') AND assignee_id IS NOT NULL GROUP BY assignee_id"
    )
