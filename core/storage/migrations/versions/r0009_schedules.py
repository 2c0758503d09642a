"""Schedules: how far their slots are settled, and what became of each."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schedule_state",
        sa.Column("schedule", sa.String(128), nullable=False),
        sa.Column("cursor", sa.String(27)),
        sa.Column("paused_at", sa.String(27)),
        sa.Column("paused_by", sa.String(128), nullable=False),
        sa.Column("pause_reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name="pk_schedule_state"),
    )
    op.create_table(
        "schedule_fire",
        sa.Column("schedule", sa.String(128), nullable=False),
        sa.Column("slot", sa.String(27), nullable=False),
        sa.Column("last_slot", sa.String(27), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(26)),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "slot", name="pk_schedule_fire"),
    )
    columns = ["verdict", "schedule", "slot"]
    op.create_index("ix_schedule_fire_verdict_schedule_slot", "schedule_fire", columns)
    op.create_index("ix_schedule_fire_run_id", "schedule_fire", ["run_id"])
