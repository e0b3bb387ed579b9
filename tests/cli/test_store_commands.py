"""Every command that reads or changes the store, to the letter of the command line contract."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason
from freqtrade_recon_plugin.domain.model import PositionSide
from freqtrade_recon_plugin.store import BotRow, Store, open_store
from tests.cli.conftest import Run
from tests.store.samples import BOT, NOW, SYMBOL, action, bot, position

ACTION_KEYS = [
    "action_id",
    "bot_id",
    "symbol",
    "status",
    "severity",
    "local",
    "exchange",
    "divergence",
    "divergence_pct",
    "detected_at",
    "decided_at",
    "decided_by",
    "note",
    "evidence_hash",
]
BREAKER_KEYS = ["bot_id", "symbol", "reason", "opened_at", "opened_by", "action_id"]
AUDIT_KEYS = [
    "number",
    "at",
    "actor",
    "event",
    "bot_id",
    "account_id",
    "symbol",
    "action_id",
    "old",
    "new",
    "evidence_hash",
    "reason",
    "code_version",
    "previous_hash",
    "hash",
]


def put(store: Store, *actions: Any, **said: Any) -> None:
    """A registered bot, its position of 100, and actions."""
    row: BotRow = bot(**said)
    with store.transaction() as tx:
        tx.bots.register(row, by="test")
        tx.positions.publish(row.bot_id, [position()])
        for one in actions:
            assert tx.actions.create(one, by="test")


SAID = {"verdict": "divergent", "reason": "Book 100, exchange 150."}
PENDING = action(status=ActionStatus.PENDING_APPROVAL, verdict=SAID)


# --- db -------------------------------------------------------------------------------------------


def test_db_upgrade_makes_the_schema_and_db_check_says_whether_it_is_there(
    bare: Run, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new/recon.sqlite"
    before = bare("db", "check", "--store-url", url)
    assert before.status == 3
    assert "freqtrade-recon db upgrade" in before.out
    assert bare("--store-url", url, "db", "upgrade").status == 0
    assert bare("db", "--store-url", url, "upgrade").status == 0
    assert bare("db", "check", "--store-url", url).status == 0
    assert bare("db", "check", "--store-url", url, "--json").document["ok"] is True


def test_db_check_of_a_server_that_is_away_is_not_well(bare: Run) -> None:
    answer = bare("db", "check", "--store-url", "postgresql://nobody:pw@127.0.0.1:1/none")
    assert answer.status == 3
    assert "127.0.0.1" in answer.out
    assert "pw" not in answer.out + answer.err


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_a_url_that_is_none_is_bad_input(bare: Run, command: str) -> None:
    assert "store URL" in bare("db", command, "--store-url", "nonsense").complaint


# --- status ---------------------------------------------------------------------------------------


def test_status_is_to_the_letter(run: Run, store: Store) -> None:
    now = datetime.now(UTC)
    put(store, PENDING, heartbeat_at=now - timedelta(seconds=90), last_reconciliation_at=NOW)
    with store.transaction() as tx:
        tx.actions.create(
            action(action_id="old", symbol="ETH/USDT:USDT", status=ActionStatus.CORRECTED), by="t"
        )
        tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "n", "reconciliation", NOW, "a1")

    document = run("status", "--json").document

    assert list(document) == ["bots", "breakers", "actions"]
    (shown,) = document["bots"]
    age = shown.pop("snapshot_age_s")
    assert 90 <= age < 120
    assert shown == {
        "bot_id": BOT,
        "account_id": "main",
        "exchange": "binance",
        "trading_mode": "futures",
        "state": "running",
        "heartbeat_at": (now - timedelta(seconds=90)).isoformat().replace("+00:00", "Z"),
        "last_reconciliation_at": "2026-11-23T09:00:00.123456Z",
        "positions": [
            {"symbol": SYMBOL, "side": "long", "amount": "100", "open_rate": "50000.5"},
        ],
    }
    assert [list(one) for one in document["breakers"]] == [BREAKER_KEYS]
    assert [(one["action_id"], list(one)) for one in document["actions"]] == [("a1", ACTION_KEYS)]


def test_status_leaves_out_what_is_flat(run: Run, store: Store) -> None:
    put(store)
    with store.transaction() as tx:
        tx.positions.publish(BOT, [position(side=PositionSide.FLAT, amount=Decimal(0))])
    assert run("status", "--json").document["bots"][0]["positions"] == []


def test_status_for_a_person_names_bots_positions_and_what_is_open(run: Run, store: Store) -> None:
    empty = run("status").out
    assert "No bot has registered yet." in empty
    assert "No breaker is open." in empty
    put(store, PENDING)
    told = run("status").out
    for word in (BOT, SYMBOL, "100", "pending_approval"):
        assert word in told


# --- actions and show -----------------------------------------------------------------------------


def test_actions_are_to_the_letter(run: Run, store: Store) -> None:
    put(store, PENDING)
    document = run("actions", "--json").document
    assert list(document) == ["actions"]
    (shown,) = document["actions"]
    assert list(shown) == ACTION_KEYS
    assert shown == {
        "action_id": "a1",
        "bot_id": BOT,
        "symbol": SYMBOL,
        "status": "pending_approval",
        "severity": "large",
        "local": "100",
        "exchange": "150",
        "divergence": "50",
        "divergence_pct": "33.333333333333333333",
        "detected_at": "2026-11-23T09:00:00.123456Z",
        "decided_at": None,
        "decided_by": None,
        "note": None,
        "evidence_hash": "e" * 64,
    }


def test_actions_are_listed_by_status(run: Run, store: Store) -> None:
    put(store, PENDING, action(action_id="a2", symbol="ETH/USDT:USDT", status=ActionStatus.STALE))
    assert [one["action_id"] for one in run("actions", "--json").document["actions"]] == [
        "a1",
        "a2",
    ]
    for status in ActionStatus:
        shown = run("actions", "--status", status, "--json").document["actions"]
        assert [one["status"] for one in shown] == [status] * len(shown)
        assert len(shown) == (status in {ActionStatus.PENDING_APPROVAL, ActionStatus.STALE})
    assert "There are no such actions." in run("actions", "--status", "failed").out
    assert "a2" in run("actions").out


def test_a_status_that_does_not_exist_is_named(run: Run) -> None:
    complaint = run("actions", "--status", "done").complaint
    assert "--status" in complaint
    assert "'done'" in complaint


def test_show_gives_the_action_its_evidence_its_verdict_and_its_history(
    run: Run, store: Store
) -> None:
    put(store, PENDING)
    run("approve", "a1", "--by", "alice")
    document = run("show", "a1", "--json").document
    assert list(document) == ["action", "evidence", "verdict", "history"]
    assert list(document["action"]) == ACTION_KEYS
    assert document["evidence"] == PENDING.evidence
    assert document["verdict"] == PENDING.verdict
    assert [list(record) for record in document["history"]] == [AUDIT_KEYS] * 2
    assert [record["event"] for record in document["history"]] == [
        "action.pending_approval",
        "action.approved",
    ]


def test_show_for_a_person_tells_reason_and_history(run: Run, store: Store) -> None:
    put(store, action(verdict=SAID))
    told = run("show", "a1").out
    assert "Book 100, exchange 150." in told
    assert "action.detected" in told


@pytest.mark.parametrize(
    "command", [("show",), ("approve", "--by", "anna"), ("reject", "--by", "anna")]
)
def test_an_action_that_is_not_there_is_named(run: Run, command: tuple[str, ...]) -> None:
    assert run(*command, "nothing").complaint == "there is no action nothing"


# --- approve and reject ---------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "status"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_gives_the_action(run: Run, store: Store, command: str, status: str) -> None:
    put(store, PENDING, policy=bot().policy)
    shown = run(command, "a1", "--by", "alice", "--note", "seen", "--json").document
    assert list(shown) == ACTION_KEYS
    assert (shown["status"], shown["decided_by"], shown["note"]) == (status, "alice", "seen")
    assert shown["decided_at"] is not None
    again = run(command, "a1", "--by", "alice")
    assert again.complaint == f"action a1 is {status}, not pending_approval"


def test_a_decision_for_a_person_is_one_line(run: Run, store: Store) -> None:
    put(store, PENDING)
    assert run("approve", "a1", "--by", "alice").out == (
        "BTC/USDT:USDT of btc-1: approved by alice.\n"
    )


def test_who_may_not_approve_is_told_who_may(run: Run, store: Store) -> None:
    put(store, PENDING)
    complaint = run("approve", "a1", "--by", "eve").complaint
    assert "eve may not approve" in complaint
    assert "policy.approvers names alice" in complaint


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_decision_needs_a_name(run: Run, store: Store, command: str) -> None:
    put(store, PENDING)
    assert "--by" in run(command, "a1").complaint
    assert "needs the name" in run(command, "a1", "--by", " ").complaint


# --- breakers, halt and resume --------------------------------------------------------------------


def test_breakers_are_to_the_letter(run: Run, store: Store) -> None:
    put(store, PENDING)
    assert run("breakers", "--json").document == {"breakers": []}
    with store.transaction() as tx:
        tx.breakers.open(BOT, SYMBOL, BreakerReason.DIVERGENCE, "n", "reconciliation", NOW, "a1")
    assert run("breakers", "--json").document == {
        "breakers": [
            {
                "bot_id": BOT,
                "symbol": SYMBOL,
                "reason": "divergence",
                "opened_at": "2026-11-23T09:00:00.123456Z",
                "opened_by": "reconciliation",
                "action_id": "a1",
            }
        ]
    }
    assert "divergence" in run("breakers").out


@pytest.mark.parametrize("symbol", [SYMBOL, "*"])
def test_a_person_halts_and_resumes(run: Run, store: Store, symbol: str) -> None:
    put(store)
    halted = run("halt", BOT, symbol, "--by", "carl", "--reason", "hands off", "--json").document
    assert list(halted) == BREAKER_KEYS
    assert (halted["symbol"], halted["reason"], halted["opened_by"]) == (
        symbol,
        "hands off",
        "carl",
    )
    assert [one["symbol"] for one in run("breakers", "--json").document["breakers"]] == [symbol]

    resumed = run("resume", BOT, symbol, "--by", "dora", "--reason", "all well", "--json").document
    assert list(resumed) == BREAKER_KEYS
    assert run("breakers", "--json").document == {"breakers": []}
    again = run("resume", BOT, symbol, "--by", "dora", "--reason", "all well")
    assert again.complaint == f"the breaker of {BOT} {symbol} is not open"


def test_a_halt_for_a_person_is_one_line(run: Run, store: Store) -> None:
    put(store)
    by = ("--by", "carl", "--reason", "r")
    assert run("halt", BOT, SYMBOL, *by).out == f"{SYMBOL} of {BOT} is halted.\n"
    assert run("resume", BOT, SYMBOL, *by).out == f"{SYMBOL} of {BOT} is resumed.\n"


def test_halting_a_bot_that_is_not_there_names_it(run: Run) -> None:
    complaint = run("halt", "nobody", SYMBOL, "--by", "carl", "--reason", "r").complaint
    assert "'nobody'" in complaint


@pytest.mark.parametrize("command", ["halt", "resume"])
@pytest.mark.parametrize(
    ("given", "missing"), [(("--by", "c"), "--reason"), (("--reason", "r"), "--by")]
)
def test_a_halt_needs_a_name_and_a_reason(
    run: Run, command: str, given: tuple[str, ...], missing: str
) -> None:
    assert missing in run(command, BOT, SYMBOL, *given).complaint


# --- audit ----------------------------------------------------------------------------------------


def test_the_audit_trail_is_printed_and_verified(run: Run, store: Store) -> None:
    assert run("audit").out == "The audit trail is empty.\n"
    put(store, PENDING)
    document = run("audit", "--json").document
    assert list(document) == ["records"]
    assert [list(record) for record in document["records"]] == [AUDIT_KEYS] * 2
    assert run("audit", "verify", "--json").document == {
        "ok": True,
        "records": 2,
        "head": document["records"][-1]["hash"],
    }
    assert "action.pending_approval" in run("audit").out
    assert "2 records is whole" in run("audit", "verify").out


def test_the_audit_trail_since_a_time(run: Run, store: Store) -> None:
    put(store, registered_at=NOW - timedelta(days=1))
    with store.transaction() as tx:
        tx.actions.create(PENDING, by="test")

    def since(moment: str) -> list[str]:
        document = run("audit", "--since", moment, "--json").document
        return [record["event"] for record in document["records"]]

    assert since("2026-11-23T00:00:00Z") == ["action.pending_approval"]
    assert since("2026-11-23T00:00:00") == ["action.pending_approval"]
    assert since("2026-11-23T10:00:00+01:00") == ["action.pending_approval"]
    assert since("2026-11-24") == []
    assert len(since("2026-11-01")) == 2


def test_a_time_that_is_none_is_named(run: Run) -> None:
    complaint = run("audit", "--since", "yesterday").complaint
    assert "--since" in complaint
    assert "'yesterday' is not a time" in complaint


def test_a_broken_chain_is_not_well_and_the_first_bad_record_is_named(
    run: Run, store: Store
) -> None:
    put(store, PENDING)
    run("approve", "a1", "--by", "alice")
    with sqlite3.connect(store.engine.url.database or "") as connection:
        connection.execute("DROP TRIGGER recon_audit_no_update")
        connection.execute("UPDATE recon_audit SET actor = 'eve' WHERE number = 2")
    answer = run("audit", "verify", "--json")
    assert answer.status == 3
    assert answer.document["ok"] is False
    assert answer.document["first_bad"] == 2
    told = run("audit", "verify")
    assert (told.status, "record 2" in told.out) == (3, True)


# --- the store that is meant ----------------------------------------------------------------------


def test_the_option_wins_over_the_environment_and_works_before_and_after_the_command(
    run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    monkeypatch.setenv("RECON_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.sqlite")
    assert run("status").status == 2
    for arguments in (
        ("--store-url", store.url, "--json", "status"),
        ("status", "--store-url", store.url, "--json"),
        ("--json", "status", "--store-url", store.url),
        ("--store-url", store.url, "status", "--json"),
    ):
        assert [one["bot_id"] for one in run(*arguments).document["bots"]] == [BOT]


def test_json_before_a_command_of_two_words(run: Run) -> None:
    for arguments in (
        ("--json", "audit", "verify"),
        ("audit", "--json", "verify"),
        ("audit", "verify", "--json"),
        ("--json", "db", "check"),
    ):
        assert run(*arguments).document["ok"] is True


def test_without_a_word_the_store_is_a_file_of_the_bot(
    bare: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bare("db", "upgrade").status == 0
    assert (tmp_path / "user_data" / "recon.sqlite").exists()
    assert bare("status", "--json").document == {"bots": [], "breakers": [], "actions": []}


READS = [
    ("status",),
    ("actions",),
    ("show", "a1"),
    ("approve", "a1", "--by", "anna"),
    ("breakers",),
    ("halt", "b", "*", "--by", "c", "--reason", "r"),
    ("audit",),
    ("audit", "verify"),
    ("reconcile",),
]


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_a_store_that_is_missing_says_what_to_run(
    bare: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    complaint = bare(*command, "--store-url", f"sqlite:///{tmp_path}/none.sqlite").complaint
    assert "freqtrade-recon db upgrade" in complaint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_a_schema_of_another_version_says_what_to_do(
    bare: Run, store: Store, revision: str
) -> None:
    with sqlite3.connect(store.engine.url.database or "") as connection:
        connection.execute(f"UPDATE recon_schema_version SET version_num = '{revision}'")
    complaint = bare("status", "--store-url", store.url).complaint
    assert "schema" in complaint
    checked = bare("db", "check", "--store-url", store.url)
    assert checked.status == 3


def test_a_server_that_is_away_is_named_without_its_password(bare: Run) -> None:
    complaint = bare("status", "--store-url", "postgresql://me:hidden@127.0.0.1:1/x").complaint
    assert "127.0.0.1" in complaint
    assert "hidden" not in complaint


@pytest.mark.postgres
def test_the_commands_work_on_postgresql(bare: Run, postgres_url: str) -> None:
    assert bare("db", "upgrade", "--store-url", postgres_url).status == 0
    store = open_store(postgres_url)
    put(store, PENDING)
    store.close()
    shown = bare("--store-url", postgres_url, "approve", "a1", "--by", "alice", "--json")
    assert shown.document["status"] == "approved"
    assert bare("audit", "verify", "--store-url", postgres_url).status == 0
