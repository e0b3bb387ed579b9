"""Runs the migrations on the connection that `store.schema` hands over, in its transaction."""

from alembic import context

from freqtrade_recon_plugin.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
