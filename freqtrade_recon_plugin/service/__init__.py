"""The use cases, as plain functions with the world as an argument (`ports.Ports`).

books        what the bots published     observation  reads both sides
judging      compares                    detection    records and halts
findings     what a cycle found          approval     what a person decides
correction   from action to outcome      commanding   tells the bot, and waits
ending       corrected, failed, stale    messages     what a person is told
measuring    what statsd is told
"""

from freqtrade_recon_plugin.service.approval import decide, halt, open_pending, resume
from freqtrade_recon_plugin.service.correction import (
    apply_approved,
    auto_correct,
    verify_and_resume,
)
from freqtrade_recon_plugin.service.detection import detect
from freqtrade_recon_plugin.service.ending import Outcome
from freqtrade_recon_plugin.service.findings import Finding
from freqtrade_recon_plugin.service.messages import describe

__all__ = [
    "Finding",
    "Outcome",
    "apply_approved",
    "auto_correct",
    "decide",
    "describe",
    "detect",
    "halt",
    "open_pending",
    "resume",
    "verify_and_resume",
]
