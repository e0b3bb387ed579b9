"""What works without what: each part imports only what its machine has, and the wheel is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "tests" / "unit" / "domain" / "examples" / "02-small.json"
HOSTS = ("freqtrade", "airflow", "ccxt")

#: Runs first in a process of its own: lets it import nothing of what is named.
BLOCKER = """
import sys

class Blocker:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Blocker())
"""


def run_without(
    names: tuple[str, ...], code: str, *, path: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process that cannot import some packages.

    :param path: where this project is imported from.
    """
    return subprocess.run(
        [sys.executable, "-c", BLOCKER.format(names=set(names)) + code],
        cwd=path,
        env={**os.environ, "PYTHONPATH": str(path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def works_without(*names: str, code: str, path: Path = ROOT, **environment: str) -> str:
    done = run_without(names, code, path=path, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_blocker_blocks() -> None:
    """The hosts are installed here, and not there."""
    code = f"""
import importlib.util
for name in {HOSTS!r}:
    try:
        found = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        found = False
    print(name, found)
"""
    assert works_without(code=code).split() == [word for name in HOSTS for word in (name, "True")]
    blocked = works_without(*HOSTS, code=code).split()
    assert blocked == [word for name in HOSTS for word in (name, "False")]


def test_what_needs_no_host_is_imported_without_any() -> None:
    works_without(
        *HOSTS,
        code="import freqtrade_recon_plugin\n"
        "import freqtrade_recon_plugin.settings, freqtrade_recon_plugin.alerts\n"
        "import freqtrade_recon_plugin.store, freqtrade_recon_plugin.cli\n"
        "import freqtrade_recon_plugin.sandbox",
    )


def test_the_domain_needs_the_standard_library_alone() -> None:
    others = ("sqlalchemy", "alembic", "pydantic", "statsd", "apprise", "psycopg", "requests")
    code = """
import importlib, pkgutil
import freqtrade_recon_plugin.domain as domain
for module in pkgutil.iter_modules(domain.__path__, "freqtrade_recon_plugin.domain."):
    importlib.import_module(module.name)
"""
    works_without(*HOSTS, *others, code=code)


def test_the_mixin_is_loaded_when_it_is_asked_for() -> None:
    code = """
import freqtrade_recon_plugin
for name in ("ReconciliationMixin", "nothing"):
    try:
        getattr(freqtrade_recon_plugin, name)
    except (AttributeError, ModuleNotFoundError) as error:
        print(type(error).__name__)
"""
    assert works_without(*HOSTS, code=code).split() == ["ModuleNotFoundError", "AttributeError"]


ALL_MODULES = """
import importlib, pkgutil
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""


def test_the_bot_is_guarded_without_airflow() -> None:
    code = ALL_MODULES.format(package="freqtrade_recon_plugin.bot")
    code += """
from freqtrade_recon_plugin import ReconciliationMixin
from freqtrade_recon_plugin.bot.mixin import ReconciliationMixin as meant
assert ReconciliationMixin is meant
"""
    works_without("airflow", code=code)


@pytest.mark.parametrize(
    ("package", "without"),
    [
        ("freqtrade_recon_plugin.workflow", ("freqtrade",)),
        ("freqtrade_recon_plugin.service", ("freqtrade", "airflow")),
    ],
)
def test_every_module_of_a_package_is_imported_without_the_other_host(
    package: str, without: tuple[str, ...]
) -> None:
    works_without(*without, code=ALL_MODULES.format(package=package))


CLI = """
from freqtrade_recon_plugin.cli import main
for arguments in {commands!r}:
    status = main(arguments)
    assert status == 0, (arguments, status)
"""


REGISTERED = """
import os
from freqtrade_recon_plugin.store import open_store
from tests.store.samples import bot
with open_store(os.environ["RECON_DATABASE_URL"]).transaction() as tx:
    tx.bots.register(bot(), by="test")
"""


def test_the_command_line_works_without_any_host(tmp_path: Path) -> None:
    store = {"RECON_DATABASE_URL": f"sqlite:///{tmp_path}/recon.sqlite"}
    commands = [
        ["db", "upgrade"],
        ["db", "check"],
        ["status", "--json"],
        ["actions"],
        ["breakers"],
        ["audit", "verify"],
        ["replay", str(EXAMPLE)],
    ]
    works_without(*HOSTS, code=CLI.format(commands=commands), **store)
    account = {"RECON_ACCOUNT_MAIN": '{"exchange": "binance", "apiKey": "k", "secret": "s"}'}
    code = REGISTERED + CLI.format(commands=[["reconcile"]])
    done = run_without(HOSTS, code, **store, **account)
    assert done.stderr.splitlines()[0] == (
        "freqtrade-recon: reconcile needs ccxt: pip install 'freqtrade-recon-plugin[airflow]'"
    )


def test_who_may_import_whom_is_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "setup.cfg", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


# --- the wheel ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources with the build packages that uv has in store."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    for name in ("freqtrade_recon_plugin", "dags", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    command = [Path(sys.executable).with_name("uv"), "build", "--wheel", "--out-dir", built, source]
    for offline in (["--offline"], []):
        done = subprocess.run([*command, *offline], capture_output=True, text=True, timeout=300)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top.partition("-")[0] for top in tops} == {"freqtrade_recon_plugin"}
    assert len(tops) == 2, "the package and its metadata"


def test_the_wheel_holds_every_file_of_the_package(unpacked: Path) -> None:
    def files(folder: Path) -> set[str]:
        package = folder / "freqtrade_recon_plugin"
        return {
            str(path.relative_to(package))
            for path in package.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(unpacked) == files(ROOT)
    assert {"py.typed", "store/migrations/script.py.mako"} <= files(unpacked)


def test_the_wheel_migrates_a_store_and_replays_on_a_machine_without_hosts(
    unpacked: Path, tmp_path: Path
) -> None:
    store = {"RECON_DATABASE_URL": f"sqlite:///{tmp_path}/recon.sqlite"}
    commands = [["db", "upgrade"], ["status"], ["replay", str(EXAMPLE)]]
    where = "\nimport freqtrade_recon_plugin as p; print(p.__file__)"
    code = CLI.format(commands=commands) + where
    assert str(unpacked) in works_without(*HOSTS, code=code, path=unpacked, **store)


def test_the_wheel_installs_the_command(unpacked: Path) -> None:
    (entry_points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "freqtrade-recon = freqtrade_recon_plugin.cli:main" in entry_points.read_text()
