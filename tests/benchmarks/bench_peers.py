"""This project beside NautilusTrader 1.221.0: the same position tables, one run, one machine.

The peer gets an environment of its own in the user's cache folder. Both sides run in processes of
their own, by turns, so that what else the machine does hits both; the best of all turns counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.timing import say

PEER = "nautilus_trader==1.221.0"
#: For a Python that the release has no wheel for.
FALLBACK_PYTHON = "3.12"
TURNS = 3
CASES = ("in sync", "3 % off")
ROOT = Path(__file__).parents[2]
Key = tuple[str, int]


def peer_python() -> str:
    """The Python that has the peer installed, made at the first call.

    The peer comes as a wheel or not at all: for the Python that `BENCH_PEER_PYTHON` names (a path
    or a version), else for this very one, else for `FALLBACK_PYTHON`.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "freqtrade-recon-bench" / PEER.replace("==", "-")
    python = folder / "bin" / "python"
    wanted = os.environ.get("BENCH_PEER_PYTHON") or sys.executable
    if not (_has_peer(python) or any(_install(folder, it) for it in (wanted, FALLBACK_PYTHON))):
        raise SystemExit(f"{PEER} cannot be installed; BENCH_PEER_PYTHON may name another Python")
    return str(python)


def _has_peer(python: Path) -> bool:
    imports = [str(python), "-c", "import nautilus_trader"]
    return python.exists() and subprocess.run(imports, capture_output=True).returncode == 0


def _install(folder: Path, wanted: str) -> bool:
    uv, python = str(Path(sys.executable).with_name("uv")), str(folder / "bin" / "python")
    steps = (
        [uv, "venv", "--quiet", "--clear", "--python", wanted, str(folder)],
        [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", python, PEER],
    )
    say(f"installing {PEER} into {folder} (once) ...")
    return all(subprocess.run(step).returncode == 0 for step in steps)


def speeds(python: str, module: str) -> dict[Key, tuple[float, float]]:
    """Best and median symbols per second of CPU time, by case and number of symbols."""
    command = [python, "-m", f"tests.benchmarks.{module}", "--json", *CASES]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {
        (row["case"], row["symbols"]): (row["cpu_best"], row["cpu_median"])
        for row in json.loads(done.stdout)
    }


def main() -> None:
    """Prints the ratios."""
    peer = peer_python()
    ours: dict[Key, list[tuple[float, float]]] = {}
    theirs: dict[Key, list[tuple[float, float]]] = {}
    for turn in range(1, TURNS + 1):
        say(f"turn {turn} of {TURNS}, load average {os.getloadavg()[0]:.1f} ...")
        for table, python, module in (
            (ours, sys.executable, "bench_compare"),
            (theirs, peer, "bench_nautilus"),
        ):
            for key, pair in speeds(python, module).items():
                table.setdefault(key, []).append(pair)
    say("symbols per second of CPU time, best of all turns (median of the best turn)")
    say(f"{'case':10}{'symbols':>8}{'this project':>22}{PEER.replace('==', ' '):>26}{'ratio':>8}")
    for case, symbols in theirs:
        mine, other = max(ours[case, symbols]), max(theirs[case, symbols])
        say(
            f"{case:10}{symbols:>8,}{f'{mine[0]:,.0f} ({mine[1]:,.0f})':>22}"
            f"{f'{other[0]:,.0f} ({other[1]:,.0f})':>26}{mine[0] / other[0]:>8.2f}"
        )


if __name__ == "__main__":
    main()
