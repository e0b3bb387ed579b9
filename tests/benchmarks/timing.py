"""Measures how many symbols per second a comparison does, in CPU time and in wall time.

Standard library only: the peer's Python runs this too.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

SIZES = (100, 1_000, 5_000)

#: One run on fresh tables; what it returns is checked after the clock has stopped.
Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Speed:
    """Symbols per second of one case: by the process's CPU time, and by the wall clock."""

    case: str
    symbols: int
    cpu_best: float
    cpu_median: float
    wall_best: float
    wall_median: float


def measure(
    case: str, symbols: int, prepare: Callable[[], tuple[Run, Callable[[Any], None]]]
) -> Speed:
    """Repeats one case, at least five times and for at least 10,000 symbols.

    :param prepare: builds fresh tables; returns what is timed, and what checks its answer.
    """
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(max(5, 10_000 // symbols)):
        run, check = prepare()
        gc.collect()
        wall_began, cpu_began = time.perf_counter(), time.process_time()
        answer = run()
        cpu.append(symbols / (time.process_time() - cpu_began))
        wall.append(symbols / (time.perf_counter() - wall_began))
        check(answer)
    return Speed(
        case, symbols, max(cpu), statistics.median(cpu), max(wall), statistics.median(wall)
    )


def say(line: str = "") -> None:
    """Prints one line at once."""
    print(line, flush=True)  # noqa: T201 - a benchmark's answer


def report(speeds: list[Speed]) -> None:
    """Prints a table, or one JSON document where the command line has `--json`."""
    if "--json" in sys.argv:
        say(json.dumps([asdict(speed) for speed in speeds]))
        return
    say(f"symbols per second, one core; load average {os.getloadavg()[0]:.1f}")
    say(f"{'case':24}{'symbols':>8}{'CPU best':>11}{'median':>11}{'wall best':>11}{'median':>11}")
    for speed in speeds:
        numbers = (speed.cpu_best, speed.cpu_median, speed.wall_best, speed.wall_median)
        row = "".join(f"{number:>11,.0f}" for number in numbers)
        say(f"{speed.case:24}{speed.symbols:>8,}{row}")
    for case in dict.fromkeys(speed.case for speed in speeds):
        best = [speed.cpu_best for speed in speeds if speed.case == case]
        say(f"{case}: {best[-1] / best[0]:.2f} times as fast at the most symbols as at the fewest")
