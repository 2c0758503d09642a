"""Runs are found by the run that asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the index, of runs alone that have a parent."""
    nested = sa.text("parent IS NOT NULL")
    op.create_index(
        op.f("ix_run_parent_id"),
        "run",
        ["parent", "id"],
        sqlite_where=nested,
        postgresql_where=nested,
    )
