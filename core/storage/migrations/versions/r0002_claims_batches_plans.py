"""Claims on targets, batches of a step, operations, notes and dry runs.

Names of keys and indexes are spelt out, as a later naming convention must not change them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add to the tables of runs, and make the tables beside them."""
    op.add_column("run", sa.Column("parent", sa.String(length=26)))
    op.add_column("run", _text("change", 128))
    op.add_column("target_run", _number("batch"))
    op.add_column("target_run", _number("claimed"))
    op.add_column(
        "target_run",
        sa.Column("positions", sa.String(120), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_table(
        "step_batch",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        _text("reason", 500),
        sa.Column("planned_at", sa.String(length=27)),
        sa.Column("started_at", sa.String(length=27)),
        sa.Column("finished_at", sa.String(length=27)),
        _of_run("step_batch"),
        sa.PrimaryKeyConstraint("run_id", "step", "attempt", "batch", name="pk_step_batch"),
    )
    op.create_table(
        "run_operation",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        _text("step", 128),
        _number("attempt"),
        sa.Column("batch", sa.Integer()),
        sa.Column("targets", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        _text("reason", 500),
        _of_run("run_operation"),
        sa.PrimaryKeyConstraint("id", name="pk_run_operation"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_operation_run_id_id", "run_operation", ["run_id", "id"])
    op.create_table(
        "run_note",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _of_run("run_note"),
        sa.PrimaryKeyConstraint("id", name="pk_run_note"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_note_run_id_id", "run_note", ["run_id", "id"])
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.LargeBinary(), nullable=False),
        sa.Column("target_count", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.Column("run_id", sa.String(length=26)),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_plan_run_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), server_default=sa.text("''"), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["run_id"], ["run.id"], name=f"fk_{table}_run_id", ondelete="CASCADE"
    )
