"""The first schema.

Names of keys and indexes are spelt out, as a later naming convention must not change them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "document",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("updated_at", sa.String(length=27), nullable=False),
        sa.Column("updated_by", sa.String(length=128), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_document_revision_counts_from_one")),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_document"),
    )
    op.create_table(
        "document_label",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "value", "name", name="pk_document_label"),
    )
    op.create_index("ix_document_label_kind_name", "document_label", ["kind", "name"])
    op.create_table(
        "document_reference",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("to_kind", sa.String(length=32), nullable=False),
        sa.Column("to_name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "to_kind", "to_name", name="pk_document_reference"),
    )
    op.create_index(
        "ix_document_reference_to_kind_to_name", "document_reference", ["to_kind", "to_name"]
    )
    op.create_table(
        "document_revision",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=8), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "revision", name="pk_document_revision"),
    )
    op.create_table(
        "host_key",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("pattern", sa.String(length=1000), nullable=False),
        sa.Column("key_type", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("authority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("host", sa.String(length=128), server_default=sa.text("''"), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("first_seen_at", sa.String(length=27), nullable=False),
        sa.Column("decided_at", sa.String(length=27)),
        sa.Column("decided_by", sa.String(length=128)),
        sa.PrimaryKeyConstraint("id", name="pk_host_key"),
        sa.UniqueConstraint(
            "pattern", "public_key", "authority", name="uq_host_key_pattern_public_key_authority"
        ),
    )
    op.create_index("ix_host_key_status", "host_key", ["status"])
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_subject_seq", "journal", ["subject", "seq"])
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("job", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), server_default=sa.text("''"), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("started_at", sa.String(length=27)),
        sa.Column("finished_at", sa.String(length=27)),
        sa.Column("target_count", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_job_id", "run", ["job", "id"])
    op.create_index("ix_run_state_id", "run", ["state", "id"])
    op.create_table(
        "run_definition",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_run_definition_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_definition"),
    )
    op.create_table(
        "secret",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner", sa.String(length=400), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secret"),
    )
    op.create_index("ix_secret_owner", "secret", ["owner"])
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )
    op.create_table(
        "run_event",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_run_event_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_run_event"),
    )
    op.create_table(
        "step_run",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.String(length=27)),
        sa.Column("finished_at", sa.String(length=27)),
        sa.Column("counts", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("outputs", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_step_run_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "step", "attempt", name="pk_step_run"),
    )
    op.create_table(
        "target_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=128), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=24)),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("signal", sa.String(length=16)),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.String(length=27)),
        sa.Column("finished_at", sa.String(length=27)),
        sa.Column("size_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dropped_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("digest", sa.String(length=32), server_default=sa.text("''"), nullable=False),
        sa.Column("outputs", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_target_run_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_target_run"),
        sa.UniqueConstraint(
            "run_id", "step", "attempt", "ordinal", name="uq_target_run_run_id_step_attempt_ordinal"
        ),
    )
    op.create_index("ix_target_run_host_id", "target_run", ["host", "id"])
    op.create_index("ix_target_run_run_id_state", "target_run", ["run_id", "state"])
    op.create_table(
        "output_chunk",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("target_run_id", sa.Integer(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("codec", sa.String(length=4), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_output_chunk_run_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["target_run_id"],
            ["target_run.id"],
            name="fk_output_chunk_target_run_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_output_chunk"),
        sa.UniqueConstraint("target_run_id", "offset", name="uq_output_chunk_target_run_id_offset"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_output_chunk_run_id_seq", "output_chunk", ["run_id", "seq"])
