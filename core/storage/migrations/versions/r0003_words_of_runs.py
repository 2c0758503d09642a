"""An index that holds what the search for words in runs reads, and nothing else."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_run_id_summary", "run", ["id", "summary"])
