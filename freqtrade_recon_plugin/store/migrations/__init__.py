"""Alembic migrations of the store; run by `freqtrade_recon_plugin.store.upgrade`."""
