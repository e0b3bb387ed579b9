"""Replays recorded evidence: the same verdict and hash, without a store and without a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from freqtrade_recon_plugin.domain.compare import compare
from freqtrade_recon_plugin.domain.document import hash_document, verdict_document
from freqtrade_recon_plugin.domain.parsing import evidence_from
from freqtrade_recon_plugin.errors import EvidenceError


def replay(path: str) -> Iterator[dict[str, Any]]:
    """The verdict documents of a file's evidence, in order, one held at a time.

    A document that holds evidence under the key `evidence` (as `show --json` prints it) is read
    from there.

    :param path: a file with one JSON document or JSON Lines; `-` is standard input.
    :raises EvidenceError: names the file, the line and the field.
    """
    with _opened(path) as lines:
        for line, document in _documents(path, lines):
            try:
                if isinstance(document, dict) and "schema" not in document:
                    document = document.get("evidence", document)
                verdict = compare(evidence_from(document))
            except EvidenceError as error:
                raise EvidenceError(f"{_name(path)} line {line}: {error}") from None
            yield verdict_document(verdict, hash_document(document))


def _documents(path: str, lines: IO[str]) -> Iterator[tuple[int, Any]]:
    """The line on which each document begins, and the document."""
    begun = 0
    for begun, first in enumerate(lines, start=1):  # noqa: B007 - where the text begins
        if first.strip():
            break
    else:
        raise EvidenceError(f"{_name(path)} line 1: holds no evidence")
    try:
        document = json.loads(first)
    except (ValueError, RecursionError):
        yield begun, _of_several_lines(path, begun, first, lines.read())
        return
    yield begun, document
    for number, text in enumerate(lines, start=begun + 1):
        if text.strip():
            yield number, _parsed(path, number, text)


def _of_several_lines(path: str, line: int, first: str, rest: str) -> Any:
    """One document that takes several lines; where it is JSON Lines instead, the first is bad."""
    try:
        return _parsed(path, line, first + rest)
    except EvidenceError:
        if any(_is_document(text) for text in rest.splitlines()):
            _parsed(path, line, first)
        raise


def _is_document(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and not {"schema", "evidence"}.isdisjoint(document)


def _parsed(path: str, line: int, text: str) -> Any:
    try:
        return json.loads(text.rstrip())  # else a text that ends too early ends on the next line
    except json.JSONDecodeError as error:
        at, why = line + error.lineno - 1, error.msg
    except (ValueError, RecursionError):  # a number of thousands of digits, a nest without end
        at, why = line, "a number or a nesting is too large"
    raise EvidenceError(f"{_name(path)} line {at}: is not JSON: {why}")


@contextmanager
def _opened(path: str) -> Iterator[IO[str]]:
    try:
        if path == "-":
            # Not the terminal's encoding: evidence is UTF-8 everywhere.
            with open(sys.stdin.fileno(), encoding="utf-8-sig", closefd=False) as file:
                yield file
        else:
            with open(path, encoding="utf-8-sig") as file:
                yield file
    except OSError as error:
        raise EvidenceError(f"{_name(path)}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise EvidenceError(f"{_name(path)}: is not UTF-8 text") from None


def _name(path: str) -> str:
    return "standard input" if path == "-" else path
