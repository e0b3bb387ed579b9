"""A real Airflow on this machine, started for a demo or a test and ended with all it started.

It runs the API server, the scheduler with its LocalExecutor and the DAG processor as processes of
their own, over SQLite, in a directory of its own and on a free port, and waits for health by asking
it. It keeps nothing outside that directory, and `stop` leaves no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from freqtrade_recon_plugin.sandbox.airflow_api import USERS, AirflowApi, AirflowTrouble


def find_dags_folder(start: Path | None = None) -> Path:
    """The `dags/` folder of the checkout that holds this package.

    The DAG files ship beside the package and not in it, so an installed wheel has none.

    :param start: where to look from, upwards; by default this file and the working directory.
    :raises FileNotFoundError: no folder above holds `dags/position_reconciliation.py`.
    """
    starts = [start] if start else [Path(__file__).resolve(), Path.cwd()]
    for place in starts:
        for folder in (place, *place.parents):
            if (folder / "dags" / "position_reconciliation.py").is_file():
                return folder / "dags"
    raise FileNotFoundError(
        "dags/position_reconciliation.py: not found above the package or the working directory; "
        "run this from a checkout of the project"
    )


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


#: Airflow runs every task in a fork of the scheduler, and every parse in one of the DAG processor.
#: What these have loaded costs a task nothing; ccxt alone takes two seconds to load.
_PRELOAD = """\
import sys

if {"scheduler", "dag-processor"} & set(sys.argv):
    import freqtrade_recon_plugin.exchange
    import freqtrade_recon_plugin.service
"""


class LiveAirflow(AirflowApi):
    """One running Airflow.

    :param home: its directory; made when missing, never removed.
    :param dags: the folder of DAG files; the checkout's own when None.
    :param connections: Airflow Connections by id, as URI or JSON text.
    :param env: more environment for all its processes (`RECON_DATABASE_URL`, `RECON_SCHEDULE` …).
    :param paused: whether DAGs start paused, so that only `trigger` runs them.
    :param say: is told the progress in single lines.
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path | None = None,
        connections: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        paused: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.home = home
        self.dags = dags or find_dags_folder()
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self._say = say or (lambda line: None)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sessions: set[int] = set()
        self.environment = self._environment(connections or {}, env or {}, paused)

    def _environment(
        self, connections: Mapping[str, str], env: Mapping[str, str], paused: bool
    ) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
        }
        settings = {
            "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple"
            ".simple_auth_manager.SimpleAuthManager",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
            "CORE__DAGS_FOLDER": str(self.dags.resolve()),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "4",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                f"{name}:{role}" for name, (role, _) in USERS.items()
            ),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{(self.home / 'airflow.db').resolve()}",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            # The processes share no generated configuration, so these are given to all of them.
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "LOGGING__BASE_LOG_FOLDER": str((self.home / "logs").resolve()),
            "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        service = "http://recon-service:recon-service-password@127.0.0.1:"
        given = {"recon_airflow_api": f"{service}{self.port}", **connections}
        return {
            **inherited,
            "AIRFLOW_HOME": str(self.home.resolve()),
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in given.items()},
            "PYTHONUNBUFFERED": "1",
            **env,
        }

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # whatever ended the start, also Ctrl-C, nothing may stay behind
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, within_s: float = 120) -> None:
        """Starts everything and returns when Airflow is healthy and knows every DAG file.

        :param within_s: seconds for each of the steps.
        :raises AirflowTrouble: a part ended, or the time was over.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = {name: password for name, (_, password) in USERS.items()}
        (self.home / "passwords.json").write_text(json.dumps(passwords), encoding="utf-8")
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "airflow_local_settings.py").write_text(_PRELOAD, encoding="utf-8")
        self._say("preparing Airflow's database")
        self._spawn("db", "db", "migrate")
        self.wait_for(lambda: self._processes["db"].poll() == 0, "airflow db migrate", within_s)
        del self._processes["db"]
        self._say(f"starting Airflow on {self.url}")
        self._spawn("api-server", "api-server")
        self._spawn("dag-processor", "dag-processor")
        self._spawn("scheduler", "scheduler", "--skip-serve-logs")
        self.wait_for(self._healthy, f"Airflow to be healthy (logs in {self.home})", within_s)
        self.wait_for(self._dags_known, f"the DAGs of {self.dags}", within_s)

    def stop(self, within_s: float = 10) -> None:
        """Ends every process that it started, and those which they started. Never raises."""
        self.close()
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + within_s
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
        for process in self._processes.values():
            # Also where the leader is gone: its group may hold children that ignored the signal.
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._processes.clear()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Process ids of everything that this Airflow started and that still runs."""
        return [
            int(place.name)
            for place in Path("/proc").glob("[0-9]*")
            if int(place.name) != os.getpid() and self._is_ours(place)
        ]

    def _is_ours(self, place: Path) -> bool:
        # A process that renames itself overwrites its environment, one that daemonises leaves its
        # session, one that changes directory its place: any of the three tells.
        home = str(self.home.resolve())
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] == "Z":
                return False
            return (
                int(fields[3]) in self._sessions
                or str((place / "cwd").readlink()) == home
                or f"AIRFLOW_HOME={home}".encode() in (place / "environ").read_bytes().split(b"\0")
            )
        return False

    def _spawn(self, name: str, *command: str) -> None:
        with (self.home / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", "airflow", *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.home,
            )
        self._sessions.add(self._processes[name].pid)

    def check_alive(self) -> None:
        """Raises `AirflowTrouble` with its last lines when one of the processes has ended."""
        for name, process in self._processes.items():
            if process.poll():
                raise AirflowTrouble(f"airflow {name} ended:\n{self._last_lines(name)}")

    def _last_lines(self, name: str, count: int = 20) -> str:
        lines = (self.home / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-count:])

    def _healthy(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)

    def _dags_known(self) -> bool:
        api = self.rest("admin")
        errors = api.get("/importErrors").raise_for_status().json()["import_errors"]
        if errors:
            raise AirflowTrouble(f"{errors[0]['filename']}:\n{errors[0]['stack_trace']}")
        known = api.get("/dags").raise_for_status().json()["dags"]
        files = {Path(dag["fileloc"]).name for dag in known}
        return files >= {file.name for file in self.dags.glob("*.py")}


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def connection(**fields: Any) -> str:
    """An Airflow Connection as JSON text, ready for `LiveAirflow(connections=…)`."""
    return json.dumps(fields)
