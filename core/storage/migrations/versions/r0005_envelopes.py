"""Secrets have data keys of their own, which the master key wraps, and say when they were used."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make room for both; what has no data key opens, and gets one when keys are rotated."""
    op.add_column("secret", sa.Column("wrapped_key", sa.LargeBinary))
    op.add_column("secret", sa.Column("used_at", sa.String(27)))
