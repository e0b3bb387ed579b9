"""Errors of the pure part; the whole tree stands in `freqtrade_recon_plugin.errors`."""


class ReconError(Exception):
    """Anything this package raises on purpose."""


class SettingsError(ReconError):
    """A setting is missing, unknown or out of range; the message names it."""


class EvidenceError(ReconError):
    """An evidence document is not what its schema promises; the message names the field."""
