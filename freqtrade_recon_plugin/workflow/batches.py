"""Accounts in batches, and what became of a batch: the documents that pass between tasks.

Only what a person or a later task needs travels: counts of all verdicts, and the findings that are
not in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freqtrade_recon_plugin.domain.model import Decision
from freqtrade_recon_plugin.service import Finding

#: Mapped tasks per cycle. Up to this many accounts each has one of its own.
MOST_BATCHES = 16


def in_batches(accounts: Iterable[str], most: int = MOST_BATCHES) -> list[list[str]]:
    """Spreads the accounts evenly over at most `most` batches, in a stable order."""
    ordered = sorted(set(accounts))
    return [ordered[start::most] for start in range(min(most, len(ordered)))]


def batch_label(accounts: Sequence[str]) -> str:
    """The name of a batch in the grid: its accounts, or the first and how many more."""
    shown = ", ".join(accounts[:3])
    return shown if len(accounts) <= 3 else f"{shown} and {len(accounts) - 3} more"


@dataclass(slots=True)
class BatchResult:
    """What one batch found.

    :param verdicts: how many comparisons ended with which verdict.
    :param findings: documents of the findings that ask for something.
    :param failed: account to the line that says why it could not be reconciled.
    """

    accounts: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        """Adds what one account's reconciliation found."""
        self.accounts += 1
        for finding in findings:
            self.verdicts[str(finding.verdict)] += 1
            if finding.decision != Decision.NONE:
                self.findings.append(finding.to_document())

    def to_document(self) -> dict[str, Any]:
        """The result as an XCom."""
        return {
            "accounts": self.accounts,
            "verdicts": dict(self.verdicts),
            "findings": self.findings,
            "failed": self.failed,
        }

    @classmethod
    def of_all(cls, documents: Iterable[Mapping[str, Any] | None]) -> BatchResult:
        """The sum of several batches; one that left nothing behind counts as nothing."""
        total = cls()
        for document in documents:
            if document:
                total.accounts += document["accounts"]
                total.verdicts.update(document["verdicts"])
                total.findings.extend(document["findings"])
                total.failed.update(document["failed"])
        return total
