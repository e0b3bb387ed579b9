"""Position reconciliation for freqtrade bots.

`ReconciliationMixin` is loaded when it is first asked for, so that everything else works without
freqtrade installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqtrade_recon_plugin.bot.mixin import ReconciliationMixin

__all__ = ["ReconciliationMixin"]


def __getattr__(name: str) -> Any:
    if name == "ReconciliationMixin":
        from freqtrade_recon_plugin.bot.mixin import ReconciliationMixin

        return ReconciliationMixin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
