"""Every error this package raises on purpose.

ReconError
├── SettingsError          a setting is missing, unknown or out of range; names it
├── EvidenceError          an evidence document is not what its schema promises; names the field
├── StoreError             the store answered, but not with what was asked for
│   ├── StoreUnavailable   the store cannot be reached or read
│   ├── SchemaMismatch     the store's schema is older or newer than this code
│   └── Conflict           somebody else changed the row first; nothing was written
├── ExchangeReadError      the exchange could not be asked at all (key, markets, unknown id)
├── UnsupportedHost        the installed freqtrade lacks a seam that the guard needs
└── BookingRefused         ForceSync found the book not as the command expects; nothing was booked
"""

from freqtrade_recon_plugin.domain.errors import EvidenceError, ReconError, SettingsError

__all__ = [
    "BookingRefused",
    "Conflict",
    "EvidenceError",
    "ExchangeReadError",
    "ReconError",
    "SchemaMismatch",
    "SettingsError",
    "StoreError",
    "StoreUnavailable",
    "UnsupportedHost",
]


class StoreError(ReconError):
    """The store answered, but not with what was asked for."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or read; nothing was written."""


class SchemaMismatch(StoreError):
    """The store's schema is older or newer than this code."""


class Conflict(StoreError):
    """Somebody else changed the row first; nothing was written."""


class ExchangeReadError(ReconError):
    """The exchange could not be asked at all: no key, no markets, an unknown exchange id."""


class UnsupportedHost(ReconError):
    """The installed freqtrade lacks a seam that the guard needs."""


class BookingRefused(ReconError):
    """ForceSync found the book not as the command expects; nothing was booked."""
