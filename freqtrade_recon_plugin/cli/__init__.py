"""The command line `freqtrade-recon`: `main` reads it, `commands` does it, `views` prints it."""

from freqtrade_recon_plugin.cli.main import main

__all__ = ["main"]
