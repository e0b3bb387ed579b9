"""`python -m freqtrade_recon_plugin` is the command line."""

import sys

from freqtrade_recon_plugin.cli import main

sys.exit(main())
