"""`replay`: the verdicts of recorded evidence, without a store and without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from tests.cli.conftest import Run

DOMAIN = Path(__file__).parents[1] / "unit" / "domain"
EXAMPLES = sorted((DOMAIN / "examples").glob("*.json"))
VERDICT = jsonschema.Draft202012Validator(
    json.loads((DOMAIN / "schemas" / "verdict.schema.json").read_text())
)
EVIDENCE: dict[str, Any] = json.loads(EXAMPLES[1].read_text())["evidence"]
COMMAND = [sys.executable, "-m", "freqtrade_recon_plugin", "replay"]


def agrees(expected: Any, found: Any) -> bool:
    """What an example does not mention is free."""
    if isinstance(expected, dict):
        return all(agrees(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(agrees, expected, found))
    return bool(expected == found)


def written(path: Path, *lines: Any) -> str:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n")
    return str(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_of_the_contract_holds(bare: Run, path: Path) -> None:
    answer = bare("replay", str(path))
    assert answer.status == 0
    (verdict,) = answer.lines
    VERDICT.validate(verdict)
    assert agrees(json.loads(path.read_text())["expect"], verdict)


def test_several_files_give_one_line_each_in_order(bare: Run) -> None:
    answer = bare("replay", *map(str, EXAMPLES))
    assert len(EXAMPLES) == 12
    assert len(answer.lines) == 12
    for path, verdict in zip(EXAMPLES, answer.lines, strict=True):
        assert agrees(json.loads(path.read_text())["expect"], verdict)


def test_json_lines_give_one_verdict_per_line_in_order(bare: Run, tmp_path: Path) -> None:
    subjects = [json.loads(path.read_text())["evidence"] for path in EXAMPLES]
    lines = [*subjects[:3], "", "  ", *subjects[3:]]
    answer = bare("replay", written(tmp_path / "all.jsonl", *lines))
    whole = bare("replay", *map(str, EXAMPLES))
    assert answer.lines == whole.lines


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(EVIDENCE),
        json.dumps(EVIDENCE, indent=2),
        "\n\n" + json.dumps(EVIDENCE, indent=2),
        json.dumps({"evidence": EVIDENCE, "verdict": {}, "history": []}, indent=1),
        "\ufeff" + json.dumps(EVIDENCE),
        json.dumps(EVIDENCE).replace(", ", ",\r\n"),
    ],
    ids=["one_line", "pretty", "after_blank_lines", "as_show_prints_it", "byte_order_mark", "crlf"],
)
def test_a_document_is_read_however_it_is_laid_out(bare: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text, encoding="utf-8")
    assert (
        bare("replay", str(tmp_path / "one.json")).lines == bare("replay", str(EXAMPLES[1])).lines
    )


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EVIDENCE.items() if name != key}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([EVIDENCE, without("symbol")], "line 2: symbol"),
        ([EVIDENCE, "", {**EVIDENCE, "market": {"base": "BTC"}}], "line 3: market.quote"),
        ([EVIDENCE, '{"schema": '], "line 2: is not JSON"),
        (['{"schema": ', EVIDENCE, EVIDENCE], "line 1: is not JSON"),
        (["no json at all", EVIDENCE], "line 1: is not JSON"),
        (["{", '"schema": 1,,', "}"], "line 2: is not JSON"),
        ([EVIDENCE, "[]"], "line 2: "),
        (["null"], "line 1: "),
        (['"text"'], "line 1: "),
        ([""], "line 1: holds no evidence"),
        ([{**EVIDENCE, "surprise": 1}], "line 1: surprise"),
        ([{**EVIDENCE, "symbol": 5}], "line 1: symbol"),
        ([EVIDENCE, "9" * 5000], "line 2: is not JSON"),
        (["9" * 5000], "line 1: is not JSON"),
        (["[" * 200_000], "line 1: is not JSON"),
        ([{**EVIDENCE, "bot_id": "\ud800"}], "line 1: bot_id"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_its_field(
    bare: Run, tmp_path: Path, lines: list[Any], said: str
) -> None:
    path = written(tmp_path / "bad.jsonl", *lines)
    answer = bare("replay", path)
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert f"{path} {said}" in answer.err


def test_what_came_before_a_bad_line_is_printed(bare: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "bad.jsonl", EVIDENCE, EVIDENCE, without("market"), EVIDENCE)
    assert len(bare("replay", path).lines) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.json", "No such file"), (".", "Is a directory"), ("latin.json", "not UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(
    bare: Run, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"schema": "\xe9"}')
    complaint = bare("replay", str(tmp_path / name)).complaint
    assert str(tmp_path / name) in complaint
    assert said in complaint


def test_replay_needs_a_file(bare: Run) -> None:
    assert "FILE" in bare("replay").complaint


# --- as a process ---------------------------------------------------------------------------------


def piped(text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, "-"], input=text, capture_output=True, timeout=120)


def test_standard_input_is_read_whatever_the_terminal_speaks(bare: Run) -> None:
    subject = {**EVIDENCE, "bot_id": "Bär"}
    done = piped(json.dumps(subject, ensure_ascii=False).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    VERDICT.validate(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", b"standard input line 1: holds no evidence"),
        (b"\xff\xfe", b"standard input: is not UTF-8 text"),
        (b"{}", b"standard input line 1: schema"),
    ],
)
def test_bad_standard_input_is_named(text: bytes, said: bytes) -> None:
    done = piped(text)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_goes_away_is_no_failure() -> None:
    lines = (json.dumps(EVIDENCE) + "\n").encode() * 3000
    with subprocess.Popen(
        [*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        feeder = threading.Thread(target=feed, args=(process.stdin, iter([lines])))
        feeder.start()
        assert process.stdout.readline()
        process.stdout.close()
        feeder.join(60)
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_a_reader_that_has_gone_before_a_short_answer_is_no_failure() -> None:
    """The answer is still in the buffer when the command has ended."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [*COMMAND, "-"],
        env=buffered,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        feed(process.stdin, iter([json.dumps(EVIDENCE).encode()]))
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def feed(pipe: Any, chunks: Iterator[bytes]) -> None:
    try:
        for chunk in chunks:
            pipe.write(chunk)
        pipe.close()
    except BrokenPipeError:
        pass


def test_a_hundred_thousand_lines_are_read_in_constant_memory() -> None:
    """What has been read and answered is not kept, on the way in or on the way out."""
    keep = ("schema", "bot_id", "account_id", "exchange", "trading_mode", "symbol")
    subject = {key: EVIDENCE[key] for key in (*keep, "market", "local_reads", "exchange_reads")}
    line = (json.dumps(subject) + "\n").encode()
    number, block = 100_000, 1000
    with subprocess.Popen(
        [*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        chunks = (line * block for _ in range(number // block))
        feeder = threading.Thread(target=feed, args=(process.stdin, chunks))
        feeder.start()
        memory = psutil.Process(process.pid).memory_info
        early, late, last = 0, 0, b""
        for answered, last in enumerate(process.stdout, start=1):  # noqa: B007 - looked at below
            if answered == number // 10:
                early = memory().rss
            if answered == number - block:
                late = memory().rss
        feeder.join(60)
        assert process.wait(60) == 0
    assert answered == number
    assert json.loads(last)["verdict"] == "divergent"
    assert late - early < 4_000_000
