"""Schedules: when each is looked at next, what its trigger has seen, and what events caused."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns."""
    for column in (
        sa.Column("trigger", sa.String(16), server_default=sa.text("''"), nullable=False),
        sa.Column("looked_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("looked_as", sa.String(64), server_default=sa.text("''"), nullable=False),
        sa.Column("next_look", sa.String(27)),
        sa.Column("counted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("memory", sa.Text(), server_default=sa.text("''"), nullable=False),
    ):
        op.add_column("schedule_state", column)
    op.add_column("schedule_fire", sa.Column("cause", sa.String(200)))
    op.add_column(
        "schedule_fire",
        sa.Column("given", sa.Text(), server_default=sa.text("''"), nullable=False),
    )
    columns = ["schedule", "cause"]
    op.create_index("ix_schedule_fire_schedule_cause", "schedule_fire", columns, unique=True)
