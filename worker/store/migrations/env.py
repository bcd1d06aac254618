"""What Alembic runs for every upgrade: our connection, our tables."""

from alembic import context

from worker.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
