"""The audit trail: one record per change of state, append-only, and any tampering shows."""

import inspect
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, text

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus, BreakerReason, CommandStatus
from freqtrade_recon_plugin.errors import StoreError
from freqtrade_recon_plugin.store import Store, Transaction
from freqtrade_recon_plugin.store.actions import Actions
from freqtrade_recon_plugin.store.alerts import Alerts
from freqtrade_recon_plugin.store.audit import GENESIS, record_hash
from freqtrade_recon_plugin.store.bots import Bots
from freqtrade_recon_plugin.store.breakers import Breakers
from freqtrade_recon_plugin.store.commands import Commands
from freqtrade_recon_plugin.store.intents import Intents
from freqtrade_recon_plugin.store.positions import Positions
from freqtrade_recon_plugin.store.sightings import Sightings
from tests.store.samples import BOT, NOW, SYMBOL, action, bot, command

LATER = NOW + timedelta(minutes=1)
Step = Callable[[Transaction], object]


def nothing(tx: Transaction) -> None:
    """No preparation is needed."""


def one_action(tx: Transaction) -> None:
    tx.actions.create(action(), by="test")


def one_breaker(tx: Transaction) -> None:
    tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "test", NOW)


def one_command(tx: Transaction) -> None:
    one_action(tx)
    tx.commands.queue(command(), by="test")


def one_taken_command(tx: Transaction) -> None:
    one_command(tx)
    tx.commands.take("a1-sync", NOW)


#: Method, what must be there before, the change, and the event that it is audited as.
CHANGES: list[tuple[object, Step, Step, str]] = [
    (Bots.register, nothing, lambda tx: tx.bots.register(bot(), "test"), "bot.registered"),
    (Bots.heartbeat, nothing, lambda tx: tx.bots.heartbeat(BOT, NOW, "stopped"), "bot.state"),
    (
        Bots.learn_holdings,
        nothing,
        lambda tx: tx.bots.learn_holdings(BOT, {"ETH": Decimal(3)}, NOW, "test"),
        "external_holding.learned",
    ),
    (
        Breakers.open,
        nothing,
        lambda tx: tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "test", NOW),
        "breaker.opened",
    ),
    (
        Breakers.close,
        one_breaker,
        lambda tx: tx.breakers.close(BOT, SYMBOL, "test", NOW, "n"),
        "breaker.closed",
    ),
    (Actions.create, nothing, one_action, "action.detected"),
    (
        Actions.move,
        one_action,
        lambda tx: tx.actions.move(
            "a1", ActionStatus.DETECTED, ActionStatus.CORRECTING, "test", NOW
        ),
        "action.correcting",
    ),
    (
        Commands.queue,
        one_action,
        lambda tx: tx.commands.queue(command(), "test"),
        "command.queued",
    ),
    (Commands.take, one_command, lambda tx: tx.commands.take("a1-sync", NOW), "command.taken"),
    (
        Commands.withdraw,
        one_command,
        lambda tx: tx.commands.withdraw("a1-sync", "test", NOW),
        "command.withdrawn",
    ),
    (
        Commands.finish,
        one_taken_command,
        lambda tx: tx.commands.finish("a1-sync", CommandStatus.DONE, {}, NOW, "test"),
        "command.done",
    ),
]
#: Methods that read, or keep what is no state: the time of a beat, a mirror of a book, an outbox,
#: orders to come.
NOT_AUDITED = {
    Actions: {"get", "list", "list_open", "open_for", "latest_for", "budget_used"},
    Alerts: {"add", "due", "of", "delivered", "failed"},
    Bots: {"get", "list", "reconciled"},
    Breakers: {"get", "list_open"},
    Commands: {"get", "for_action", "waiting"},
    Intents: {"add", "of", "prune"},
    Positions: {"publish", "of"},
    Sightings: {"get", "put"},
}


@pytest.mark.parametrize(
    ("before", "change", "expected"), [item[1:] for item in CHANGES], ids=[c[3] for c in CHANGES]
)
def test_each_change_of_state_writes_one_record_in_its_transaction(
    store: Store, before: Step, change: Step, expected: str
) -> None:
    with store.transaction() as tx:
        before(tx)
        records = tx.audit.verify().records

    def changed_and_rolled_back() -> None:
        with store.transaction() as tx:
            change(tx)
            assert tx.audit.verify().records == records + 1
            raise RuntimeError("after the change")

    with pytest.raises(RuntimeError, match="after the change"):
        changed_and_rolled_back()
    with store.reading() as tx:
        assert tx.audit.verify().records == records
    with store.transaction() as tx:
        change(tx)
    with store.reading() as tx:
        written = list(tx.audit.list())[records:]
        assert [record.event for record in written] == [expected]
        assert (written[0].bot_id, written[0].account_id) == (BOT, "main")
        assert tx.audit.verify().ok


def test_every_public_method_is_either_audited_or_known_not_to_be() -> None:
    audited = {method for method, *_ in CHANGES}
    for repository, not_audited in NOT_AUDITED.items():
        methods = dict(inspect.getmembers(repository, inspect.isfunction))
        public = {name for name in methods if not name.startswith("_")}
        assert public == not_audited | {n for n in public if methods[n] in audited}
        assert not any(methods[name] in audited for name in not_audited)


def test_what_changed_nothing_writes_no_record(store: Store) -> None:
    with store.transaction() as tx:
        one_taken_command(tx)
        one_breaker(tx)
        records = tx.audit.verify().records
        one_breaker(tx)
        assert not tx.actions.create(action(action_id="a2"), by="test")
        assert tx.commands.take("a1-sync", NOW)
        assert not tx.commands.withdraw("a1-sync", "test", NOW)
        tx.bots.heartbeat(BOT, LATER, "running")
        tx.bots.reconciled(BOT, LATER)
        assert tx.audit.verify().records == records


def test_a_record_tells_who_did_what_when_and_why(store: Store) -> None:
    with store.transaction() as tx:
        tx.actions.create(action(status=ActionStatus.PENDING_APPROVAL), by="detect")
        move = ("a1", ActionStatus.PENDING_APPROVAL, ActionStatus.REJECTED)
        tx.actions.move(*move, by="alice", at=LATER, note="my own trade", decided=True)
    with store.reading() as tx:
        created, moved = tx.audit.list(action_id="a1")
    assert created.new is not None
    assert (created.old, created.new["divergence"]) == (None, "50")
    assert (moved.number, moved.at, moved.actor) == (3, LATER, "alice")
    assert (moved.event, moved.reason) == ("action.rejected", "my own trade")
    assert (moved.bot_id, moved.account_id, moved.symbol) == (BOT, "main", SYMBOL)
    assert moved.old == {"status": "pending_approval"}
    assert moved.new == {"status": "rejected", "decided_by": "alice"}
    assert moved.evidence_hash == "e" * 64
    assert moved.code_version == store.code_version != "unknown"
    assert moved.previous_hash == created.hash


def test_the_trail_can_be_read_from_a_time_on(store: Store) -> None:
    with store.transaction() as tx:
        tx.breakers.open(BOT, SYMBOL, BreakerReason.MANUAL, "n", "test", LATER)
        assert [record.number for record in tx.audit.list(since=LATER)] == [2]
        assert list(tx.audit.list(since=LATER + timedelta(microseconds=1))) == []


def test_an_empty_trail_is_well(empty_store: Store) -> None:
    with empty_store.reading() as tx:
        check = tx.audit.verify()
    assert (check.ok, check.records, check.head, check.first_bad) == (True, 0, GENESIS, None)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE recon_audit SET actor = 'mallory'", "DELETE FROM recon_audit WHERE number = 1"],
)
def test_the_database_itself_refuses_to_change_the_trail(store: Store, statement: str) -> None:
    with pytest.raises(StoreError, match="append-only"), store.transaction() as tx:
        tx.connection.execute(text(statement))
    with store.reading() as tx:
        assert tx.audit.verify().ok


@pytest.mark.postgres
def test_postgresql_refuses_to_empty_the_trail(postgres_url: str) -> None:
    from freqtrade_recon_plugin.store import open_store, upgrade

    upgrade(postgres_url)
    store = open_store(postgres_url)
    with pytest.raises(StoreError, match="append-only"), store.transaction() as tx:
        tx.connection.execute(text("TRUNCATE recon_audit"))
    store.close()


# --- tampering by somebody who may do anything to the database -----------------------------------

TRAIL = 6


@pytest.fixture
def trail(store: Store) -> Store:
    """A store with six records, and the triggers taken away."""
    with store.transaction() as tx:
        for number in range(2, TRAIL + 1):
            tx.audit.append(
                at=NOW + timedelta(seconds=number),
                actor="test",
                event=f"event.{number}",
                bot_id=BOT,
                old={"n": number},
                new={"n": number + 1},
                reason="ü",
            )
    with store.engine.begin() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE recon_audit DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER recon_audit_no_update"))
            connection.execute(text("DROP TRIGGER recon_audit_no_delete"))
    return store


def first_bad(store: Store, *statements: str) -> int | None:
    with store.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    with store.reading() as tx:
        check = tx.audit.verify()
    assert check.ok is (check.first_bad is None)
    return check.first_bad


def test_a_trail_that_nobody_touched_is_well(trail: Store) -> None:
    assert first_bad(trail) is None
    with trail.reading() as tx:
        records = list(tx.audit.list())
        check = tx.audit.verify()
    assert (check.records, check.head) == (TRAIL, records[-1].hash)


@pytest.mark.parametrize(
    "edit",
    [
        "actor = 'mallory'",
        "event = 'x'",
        "bot_id = NULL",
        "account_id = 'x'",
        "symbol = 'x'",
        "action_id = 'x'",
        "old = '{\"n\":9}'",
        "old = NULL",
        "old = 'no json'",
        "new = '{}'",
        "evidence_hash = 'x'",
        "reason = ''",
        "code_version = 'x'",
        "previous_hash = 'x'",
        "hash = 'x'",
    ],
)
def test_an_edit_shows_at_the_record_itself(trail: Store, edit: str) -> None:
    assert first_bad(trail, f"UPDATE recon_audit SET {edit} WHERE number = 3") == 3


def test_an_edit_of_the_time_shows(trail: Store) -> None:
    edit = "UPDATE recon_audit SET at = (SELECT at FROM recon_audit WHERE number = 1)"
    assert first_bad(trail, f"{edit} WHERE number = 4") == 4


def test_an_edit_that_hashes_its_own_record_anew_shows_at_the_next(trail: Store) -> None:
    with trail.reading() as tx:
        record = asdict(list(tx.audit.list())[2])
    anew = record_hash({**record, "actor": "mallory"})
    edit = f"UPDATE recon_audit SET actor = 'mallory', hash = '{anew}' WHERE number = 3"
    assert first_bad(trail, edit) == 4


def test_an_edited_last_record_that_was_hashed_anew_shows(trail: Store) -> None:
    with trail.reading() as tx:
        record = asdict(list(tx.audit.list())[-1])
    anew = record_hash({**record, "actor": "mallory"})
    edit = f"UPDATE recon_audit SET actor = 'mallory', hash = '{anew}' WHERE number = {TRAIL}"
    assert first_bad(trail, edit) == TRAIL


@pytest.mark.parametrize("number", [1, 3, TRAIL])
def test_a_deletion_shows_at_the_number_that_is_gone(trail: Store, number: int) -> None:
    assert first_bad(trail, f"DELETE FROM recon_audit WHERE number = {number}") == number


def test_a_deletion_with_the_later_numbers_moved_up_shows(trail: Store) -> None:
    moved = [
        f"UPDATE recon_audit SET number = {number - 1} WHERE number = {number}"
        for number in range(4, TRAIL + 1)
    ]
    assert first_bad(trail, "DELETE FROM recon_audit WHERE number = 3", *moved) == 3


def test_a_trail_that_was_emptied_shows(trail: Store) -> None:
    assert first_bad(trail, "DELETE FROM recon_audit") == 1


def insert(store: Store, number: int, after: int) -> None:
    """Inserts a record that chains well to an earlier one."""
    with store.reading() as tx:
        before = list(tx.audit.list())[after - 1]
    forged = asdict(before) | {"number": number, "actor": "mallory", "previous_hash": before.hash}
    forged["hash"] = record_hash(forged)
    with store.engine.begin() as connection:
        _insert(connection, forged)


def _insert(connection: Connection, record: dict[str, object]) -> None:
    from sqlalchemy import insert as insert_into

    from freqtrade_recon_plugin.store.tables import audit

    connection.execute(insert_into(audit).values(record))


def test_an_insertion_at_the_end_shows(trail: Store) -> None:
    insert(trail, TRAIL + 1, after=TRAIL)
    assert first_bad(trail) == TRAIL + 1


def test_an_insertion_in_the_middle_shows(trail: Store) -> None:
    moved = [
        f"UPDATE recon_audit SET number = {number + 1} WHERE number = {number}"
        for number in range(TRAIL, 3, -1)
    ]
    first_bad(trail, *moved)
    insert(trail, 4, after=3)
    assert first_bad(trail) == 5


def test_two_records_that_were_swapped_show_at_the_first_of_them(trail: Store) -> None:
    swap = "UPDATE recon_audit SET number = {} WHERE number = {}"
    assert first_bad(trail, swap.format(99, 3), swap.format(3, 4), swap.format(4, 99)) == 3


def test_a_head_that_was_changed_shows(trail: Store) -> None:
    assert first_bad(trail, "UPDATE recon_audit_head SET number = 4") == 5


def test_a_head_that_is_gone_shows_and_nothing_may_be_appended(trail: Store) -> None:
    assert first_bad(trail, "DELETE FROM recon_audit_head") == TRAIL + 1
    with pytest.raises(StoreError, match="lost its head"), trail.transaction():
        pass
