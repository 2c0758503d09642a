"""Secrets have data keys of their own, which the master key wraps."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make room for them; what has none stays readable, and gets one when keys are rotated."""
    op.add_column("secret", sa.Column("wrapped_key", sa.LargeBinary))
