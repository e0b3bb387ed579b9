"""The use cases, as plain functions with the world as an argument (`ports.Ports`).

observation  reads both sides            judging     compares
detection    records and halts           approval    what a person decides
correction   commands, waits, verifies   messages    what a person is told
"""

from freqtrade_recon_plugin.service.approval import decide, halt, open_pending, resume
from freqtrade_recon_plugin.service.correction import (
    Outcome,
    apply_approved,
    auto_correct,
    verify_and_resume,
)
from freqtrade_recon_plugin.service.detection import Finding, detect
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
