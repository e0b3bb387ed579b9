"""The schema: made and migrated by the package itself, and checked whenever a store is opened."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from freqtrade_recon_plugin.errors import SchemaMismatch, SettingsError
from freqtrade_recon_plugin.store import Store, is_current, open_store, schema, upgrade
from freqtrade_recon_plugin.store.address import make_engine, parse
from freqtrade_recon_plugin.store.tables import VERSION_TABLE, metadata
from tests.store.samples import BOT, bot

ROOT = Path(__file__).parents[2]


def test_an_empty_database_is_refused_until_it_is_upgraded(empty_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="run `freqtrade-recon db upgrade`"):
        open_store(empty_url)
    assert not is_current(empty_url)
    upgrade(empty_url)
    assert is_current(empty_url)
    open_store(empty_url).close()


def test_upgrading_again_changes_nothing(breakable_store: Store) -> None:
    upgrade(breakable_store.url)
    with breakable_store.reading() as tx:
        assert tx.bots.list() == [bot()]


def test_the_tables_are_what_the_migrations_make(empty_store: Store) -> None:
    with empty_store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_partial_index_is_what_the_migrations_make(breakable_store: Store) -> None:
    queries = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'uq_recon_actions_one_open'",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() "
        "AND indexname = 'uq_recon_actions_one_open'",
    }
    dialect = breakable_store.engine.dialect.name

    def definition(store: Store) -> str:
        with store.engine.connect() as connection:
            found: str = connection.execute(text(queries[dialect])).scalar_one()
        return found

    migrated = definition(breakable_store)
    index = next(
        index
        for index in metadata.tables["recon_actions"].indexes
        if index.name == "uq_recon_actions_one_open"
    )
    with breakable_store.engine.begin() as connection:
        index.drop(connection)
        index.create(connection)
    assert definition(breakable_store) == migrated


def test_a_schema_that_this_code_does_not_know_is_refused(breakable_store: Store) -> None:
    with breakable_store.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    assert not is_current(breakable_store.url)
    for use in (open_store, upgrade):
        with pytest.raises(SchemaMismatch, match=r"9999.*install a newer freqtrade-recon-plugin"):
            use(breakable_store.url)


def test_an_older_schema_is_refused_until_it_is_upgraded(
    breakable_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).with_name("migrations"), newer)
    (newer / "versions" / "r9999_newer.py").write_text(
        "from alembic import op\n"
        "revision, down_revision, branch_labels, depends_on = '9999', '0001', None, None\n"
        "def upgrade() -> None:\n"
        "    op.execute('CREATE TABLE recon_newer (x integer)')\n"
    )

    def config() -> Config:
        made = Config()
        made.set_main_option("script_location", str(newer))
        return made

    monkeypatch.setattr(schema, "_config", config)
    assert not is_current(breakable_store.url)
    with pytest.raises(SchemaMismatch, match=r"older schema 0001.*needs 9999.*db upgrade"):
        open_store(breakable_store.url)
    upgrade(breakable_store.url)
    opened = open_store(breakable_store.url)
    with opened.reading() as tx:
        assert tx.bots.get(BOT) == bot(), "what was there is still there"
        assert tx.connection.execute(text("SELECT count(*) FROM recon_newer")).scalar() == 0
    opened.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).with_name("migrations"), broken)
    first = broken / "versions" / "r0001_first.py"
    code = first.read_text().replace("    create_audit()\n", "    raise RuntimeError('half')\n", 1)
    first.write_text(code)

    def config() -> Config:
        made = Config()
        made.set_main_option("script_location", str(broken))
        return made

    with monkeypatch.context() as patched:
        patched.setattr(schema, "_config", config)
        with pytest.raises(RuntimeError, match="half"):
            upgrade(empty_url)
    engine = make_engine(parse(empty_url))
    with engine.connect() as connection:
        tables = engine.dialect.get_table_names(connection)
    engine.dispose()
    assert tables == []
    upgrade(empty_url)
    assert is_current(empty_url)


def test_opening_never_makes_a_file(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match=r"there is no store at .*db upgrade"):
        open_store(sqlite_url)
    assert not is_current(sqlite_url)
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_current_folder_play_no_part(tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "env.py").write_text("raise SystemExit('not this one')\n")
    program = (
        "from freqtrade_recon_plugin.store import is_current, upgrade\n"
        "upgrade('sqlite:///100%/recon.sqlite')\n"
        "assert is_current('sqlite:///100%/recon.sqlite')\n"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert (tmp_path / "100%" / "recon.sqlite").exists()


def test_the_package_may_lie_in_a_folder_with_a_percent_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    place = tmp_path / "100%" / "store"
    shutil.copytree(Path(schema.__file__).parent, place)
    monkeypatch.setattr(schema, "files", lambda _package: place)
    upgrade(sqlite_url)
    assert is_current(sqlite_url)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("user_data/recon.sqlite", "cannot be read"),
        ("mysql://u:geheim@db/recon", "'mysql' is not supported"),
        ("postgresql+asyncpg://u:geheim@db/recon", "'postgresql\\+asyncpg' is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://u:geheim@db:port/recon", "cannot be read"),
    ],
)
def test_a_url_that_is_none_of_a_store_is_refused(url: str, complaint: str) -> None:
    for use in (open_store, upgrade, is_current):
        with pytest.raises(SettingsError, match=complaint) as refused:
            use(url)
        assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_the_same_driver(scheme: str) -> None:
    assert parse(f"{scheme}://u:p@db/recon").drivername == "postgresql+psycopg"


def test_no_message_shows_the_password() -> None:
    with pytest.raises(Exception, match="cannot be used") as refused:
        open_store("postgresql://u:geheim@127.0.0.1:1/recon")
    assert "geheim" not in str(refused.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"pip install freqtrade-recon-plugin\[postgres\]"):
        open_store("postgresql://u:p@127.0.0.1:1/recon")
