"""Approvals and their votes; the outbox of notices and the messages that carry them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "approval",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("run_id", sa.String(26), nullable=False),
        sa.Column("step", sa.String(160), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("requester", sa.String(128), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.String(27), nullable=False),
        sa.Column("due_at", sa.String(27)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.String(27)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
        sa.UniqueConstraint("run_id", "step", "attempt", name="uq_approval_run_id_step_attempt"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_approval_run_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_approval_state_due_at", "approval", ["state", "due_at"])
    op.create_table(
        "approval_vote",
        sa.Column("approval_id", sa.String(26), nullable=False),
        sa.Column("voter", sa.String(128), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", "voter", name="pk_approval_vote"),
        sa.ForeignKeyConstraint(
            ["approval_id"],
            ["approval.id"],
            name="fk_approval_vote_approval_id",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", sa.String(27), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.String(27)),
        sa.Column("sent_at", sa.String(27)),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
    )
    op.create_index("ix_delivery_channel_sent_at", "delivery", ["channel", "sent_at"])
    op.create_index("ix_delivery_state_next_at", "delivery", ["state", "next_at"])
    op.create_table(
        "notice",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("delivery_id", sa.String(26)),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("channel", "key", name="uq_notice_channel_key"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name="fk_notice_delivery_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_notice_delivery_id_channel", "notice", ["delivery_id", "channel"])
