"""Position reconciliation for freqtrade bots."""
