"""The schema's version: what the store has, what this code needs, and how to get there.

The migrations lie inside the package and are run from here, without any configuration file.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from freqtrade_recon_plugin.errors import SchemaMismatch
from freqtrade_recon_plugin.store.address import READING, file_of, make_engine, parse, shown
from freqtrade_recon_plugin.store.tables import VERSION_TABLE

#: Any number, the same for every process: one of them migrates, the others wait.
_UPGRADE_LOCK = 7_236_401_118


def upgrade(url: str) -> None:
    """Brings a store to the schema of this code; makes the database file where there is none.

    :raises SettingsError: the URL is not one of a store.
    :raises StoreUnavailable: the database cannot be reached.
    :raises SchemaMismatch: the schema is newer than this code.
    """
    # Imported here: the two modules need each other.
    from freqtrade_recon_plugin.store.connection import translated

    engine = make_engine(parse(url), create=True)
    try:
        with translated(engine), engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK}
                )
            _refuse_newer(engine, _revision(connection))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the store has exactly the schema of this code.

    :raises SettingsError: the URL is not one of a store.
    :raises StoreUnavailable: the database cannot be reached.
    """
    from freqtrade_recon_plugin.store.connection import translated

    engine = make_engine(parse(url))
    try:
        with translated(engine):
            check_current(engine)
    except SchemaMismatch:
        return False
    finally:
        engine.dispose()
    return True


def check_current(engine: Engine) -> None:
    """Refuses a schema that is not the one of this code.

    :raises SchemaMismatch: missing, older or newer; says what to run.
    """
    path = file_of(engine.url)
    if path is not None and not path.exists():
        raise SchemaMismatch(
            f"there is no store at {shown(engine.url)}: run `freqtrade-recon db upgrade`"
        )
    with engine.connect().execution_options(**{READING: True}) as connection:
        revision = _revision(connection)
    if revision is None:
        raise SchemaMismatch(
            f"the store at {shown(engine.url)} has no schema yet: run `freqtrade-recon db upgrade`"
        )
    _refuse_newer(engine, revision)
    head = _scripts().get_current_head()
    if revision != head:
        raise SchemaMismatch(
            f"the store at {shown(engine.url)} has the older schema {revision}, this code needs "
            f"{head}: run `freqtrade-recon db upgrade`"
        )


def _refuse_newer(engine: Engine, revision: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaMismatch(
            f"the store at {shown(engine.url)} has schema {revision}, which this code does not "
            "know: install a newer freqtrade-recon-plugin"
        )


def _revision(connection: Any) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    revision: str | None = context.get_current_revision()
    return revision


def _scripts() -> Any:
    return ScriptDirectory.from_config(_config())


def _config() -> Any:
    config = Config()
    # ConfigParser reads a percent sign as the start of a reference.
    folder = str(files("freqtrade_recon_plugin.store") / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config
