"""Tests whose outside part is missing are left out with a word, and fail where CI runs them."""

import os
import subprocess
import sys
from pathlib import Path


def run_without_postgres(**environment: str) -> subprocess.CompletedProcess[str]:
    nowhere = {"RECON_TEST_POSTGRES_URL": "postgresql://root@127.0.0.1:1/test"}
    # The plugins that happen to be installed have no part in this and take longer than the rest.
    nowhere["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/store/test_alerts.py",
        ],
        cwd=Path(__file__).parents[2],
        env=kept | nowhere | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_server_its_tests_are_left_out_and_the_summary_says_so() -> None:
    done = run_without_postgres()
    assert done.returncode == 0, done.stdout
    assert "6 passed, 6 deselected" in done.stdout
    assert (
        "LEFT OUT 6 postgres tests: no PostgreSQL answers at 127.0.0.1:1; "
        "start PostgreSQL there or name one with RECON_TEST_POSTGRES_URL" in done.stdout
    )


def test_in_ci_a_missing_server_is_a_failure() -> None:
    done = run_without_postgres(CI="true")
    assert done.returncode == 1, done.stdout
    assert "6 passed, 6 errors" in done.stdout
