"""The twelve examples of the contract, through the same steps as `freqtrade-recon replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.compare import compare
from freqtrade_recon_plugin.domain.document import hash_document, verdict_document
from freqtrade_recon_plugin.domain.parsing import evidence_from
from tests.unit.domain.samples import EVIDENCE_CONTRACT, HERE, VERDICT_CONTRACT, judge

EXAMPLES = sorted((HERE / "examples").glob("*.json"))


def _agrees(expected: Any, found: Any) -> bool:
    """What an example does not mention is free; lists have to have as many items."""
    if isinstance(expected, dict):
        return all(_agrees(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(_agrees, expected, found))
    return bool(expected == found)


def test_all_twelve_examples_are_here() -> None:
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02}" for number in range(1, 13)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_holds(path: Path) -> None:
    example = json.loads(path.read_text())
    EVIDENCE_CONTRACT.validate(example["evidence"])
    subject = evidence_from(example["evidence"])
    answer = verdict_document(compare(subject), hash_document(example["evidence"]))
    VERDICT_CONTRACT.validate(answer)
    assert _agrees(example["expect"], answer), answer
    assert judge(subject) == compare(subject)
