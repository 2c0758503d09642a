"""Who said how a target ended, and the change number under which something was asked of a run."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add to targets and operations of runs."""
    for table, name in (("target_run", "resolved_by"), ("run_operation", "change")):
        column = sa.Column(name, sa.String(128), server_default=sa.text("''"), nullable=False)
        op.add_column(table, column)
