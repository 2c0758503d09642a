"""Alembic's entry: the connection, and its transaction, come from `core.storage.schema`."""

from alembic import context

from core.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by building it anew
)
with context.begin_transaction():
    context.run_migrations()
