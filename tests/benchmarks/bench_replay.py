"""`replay` of 10,000 and of 100,000 JSON lines: lines per second, and memory that does not grow.

The command line runs as an operator runs it, in a process of its own. Peak memory is the kernel's
figure (`VmHWM`), read while the process lives; standard library only, so that nothing of this
process is in it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.timing import say

EXAMPLES = Path(__file__).parents[1] / "unit" / "domain" / "examples"
SIZES = (10_000, 100_000)
#: More growth than this between the sizes is not constant memory.
MAY_GROW_MIB = 2.0


def lines(count: int) -> Iterator[str]:
    """The contract's examples over and over, each line another bot's."""
    texts = [path.read_text() for path in sorted(EXAMPLES.glob("*.json"))]
    for number in range(count):
        evidence = json.loads(texts[number % len(texts)])["evidence"]
        yield json.dumps({**evidence, "bot_id": f"bot-{number}"}) + "\n"


def replay(path: Path, answer: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MiB of one replay."""
    command = [sys.executable, "-m", "freqtrade_recon_plugin", "replay", str(path), "--json"]
    before, began, peak = _cpu_of_children(), time.perf_counter(), 0.0
    with answer.open("w") as out, subprocess.Popen(command, stdout=out) as process:
        while process.poll() is None:
            peak = max(peak, _peak_mib(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"replay ended with {process.returncode}")
    return time.perf_counter() - began, _cpu_of_children() - before, peak


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return 0.0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) / 1024 if peaks else 0.0


def main() -> None:
    """Prints speed and memory; exit status 1 where memory grew."""
    say(f"replay through the command line; load average {os.getloadavg()[0]:.1f}")
    say(f"{'lines':>8}{'seconds':>9}{'lines/s':>9}{'lines/CPU s':>13}{'peak MiB':>10}")
    peaks = []
    with tempfile.TemporaryDirectory(prefix="recon-bench-") as folder:
        for count in SIZES:
            path, answer = Path(folder) / f"{count}.jsonl", Path(folder) / f"{count}.out"
            with path.open("w") as file:
                file.writelines(lines(count))
            wall, cpu, peak = replay(path, answer)
            with answer.open() as file:
                assert sum(1 for _ in file) == count
            peaks.append(peak)
            say(f"{count:>8,}{wall:>9.1f}{count / wall:>9,.0f}{count / cpu:>13,.0f}{peak:>10.1f}")
    grown = peaks[-1] - peaks[0]
    say(f"ten times the lines take {grown:+.1f} MiB of memory")
    if grown > MAY_GROW_MIB:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
