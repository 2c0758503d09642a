"""Files that belong to jobs, and the runs that send them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "content",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.String(length=27), nullable=False),
        sa.Column("added_by", sa.String(length=128), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_content"),
    )
    op.create_table(
        "run_content",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_run_content_run_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["content.sha256"], name="fk_run_content_sha256"),
        sa.PrimaryKeyConstraint("run_id", "sha256", name="pk_run_content"),
    )
    op.create_index("ix_run_content_sha256", "run_content", ["sha256"])
