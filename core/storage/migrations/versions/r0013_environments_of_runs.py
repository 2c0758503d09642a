"""Which environments a run touches."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column; runs that are on record already name none."""
    column = sa.Column("environments", sa.Text(), server_default=sa.text("'[]'"), nullable=False)
    op.add_column("run", column)
