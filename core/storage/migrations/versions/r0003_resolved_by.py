"""Who said how a target ended, where the target itself could not."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add to the targets of runs."""
    op.add_column(
        "target_run",
        sa.Column("resolved_by", sa.String(128), server_default=sa.text("''"), nullable=False),
    )
