"""What is observed on hosts, what people say of them, and where inventory comes from."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    _make_observations()
    _make_words()
    _make_sources()


def _make_observations() -> None:
    op.create_table(
        "host_facts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("first_at", sa.String(27), nullable=False),
        sa.Column("last_at", sa.String(27), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_facts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_host_facts_host_id", "host_facts", ["host", "id"])
    op.create_table(
        "host_sample",
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", "at", name="pk_host_sample"),
    )
    op.create_table(
        "host_health",
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("checked_at", sa.String(27), nullable=False),
        sa.Column("against", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_health"),
    )


def _make_words() -> None:
    op.create_table(
        "host_maintenance",
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("until", sa.String(27)),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_maintenance"),
    )
    op.create_table(
        "host_note",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_note"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_host_note_host_id", "host_note", ["host", "id"])


def _make_sources() -> None:
    op.create_table(
        "source_state",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("asked_at", sa.String(27), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("good_at", sa.String(27)),
        sa.Column("good", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("source", name="pk_source_state"),
    )
    op.create_table(
        "source_host",
        sa.Column("host", sa.String(128), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("vanished_at", sa.String(27)),
        sa.PrimaryKeyConstraint("host", name="pk_source_host"),
    )
    op.create_index("ix_source_host_source_host", "source_host", ["source", "host"])
