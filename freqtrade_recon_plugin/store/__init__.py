"""The store: what the bots, the reconciliation and the people on call share.

SQLite on one machine, PostgreSQL on several; `upgrade` makes or migrates it, `open_store` opens
it, `Store.transaction` hands out the repositories.
"""

from freqtrade_recon_plugin.store.connection import Store, Transaction, open_store
from freqtrade_recon_plugin.store.guard_reads import GuardReads
from freqtrade_recon_plugin.store.intents import IntentWriter
from freqtrade_recon_plugin.store.rows import (
    ActionRow,
    AlertRow,
    AuditCheck,
    AuditRow,
    BotRow,
    BreakerRow,
    CommandRow,
    IntentRow,
    PositionRow,
    SightingRow,
)
from freqtrade_recon_plugin.store.schema import is_current, upgrade

__all__ = [
    "ActionRow",
    "AlertRow",
    "AuditCheck",
    "AuditRow",
    "BotRow",
    "BreakerRow",
    "CommandRow",
    "GuardReads",
    "IntentRow",
    "IntentWriter",
    "PositionRow",
    "SightingRow",
    "Store",
    "Transaction",
    "is_current",
    "open_store",
    "upgrade",
]
