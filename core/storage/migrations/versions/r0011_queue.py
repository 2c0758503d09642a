"""How urgent a run is, and whether the engine lets runs begin."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, make the table."""
    column = sa.Column(
        "priority", sa.String(10), server_default=sa.text("'normal'"), nullable=False
    )
    op.add_column("run", column)
    op.create_table(
        "admission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admission"),
        sa.CheckConstraint("id = 1", name="ck_admission_one_row"),
    )
