"""`reconcile` against the sandbox exchange: one cycle, with the same use cases as the DAG."""

from __future__ import annotations

import json
import socket
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from freqtrade_recon_plugin.domain.lifecycle import ActionStatus
from freqtrade_recon_plugin.sandbox import FaultKind, ccxt_urls
from tests.cli.conftest import Run
from tests.cli.test_replay import VERDICT
from tests.service.world import SYMBOL, World


@pytest.fixture(autouse=True)
def accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of both accounts in the environment, and a statsd that nobody listens to."""
    for account in ("main", "second"):
        keys = world.sandbox.keys(account)
        values = {
            "exchange": "binance",
            "apiKey": keys.read_only_key,
            "secret": keys.read_only_secret,
            "password": None,
            "options": {},
            "urls": ccxt_urls(world.sandbox.url),
        }
        monkeypatch.setenv(f"RECON_ACCOUNT_{account.upper()}", json.dumps(values))


def verdicts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The verdicts of the results, each checked against its schema."""
    assert list(document) == ["results"]
    found = []
    for result in document["results"]:
        assert list(result)[:3] == ["bot_id", "symbol", "action_id"]
        verdict = {key: value for key, value in result.items() if key not in list(result)[:3]}
        if verdict["evidence_hash"]:
            jsonschema.validate(verdict, VERDICT.schema)
        found.append(verdict)
    return found


def test_what_agrees_is_well(run: Run, world: World) -> None:
    world.bot().holds("100")
    world.hold("100")
    answer = run("reconcile", "--json")
    assert answer.status == 0
    (verdict,) = verdicts(answer.document)
    VERDICT.validate(verdict)
    assert (verdict["verdict"], verdict["local"], verdict["exchange"]) == ("in_sync", "100", "100")
    assert run("reconcile").out == f"b1 {SYMBOL}: in_sync. Book and exchange agree.\n"


def test_a_large_divergence_halts_and_is_not_well(run: Run, world: World) -> None:
    world.bot().holds("100")
    world.hold("150")

    answer = run("reconcile", "--json")

    assert answer.status == 3
    document = json.loads(answer.out)
    (verdict,) = verdicts(document)
    (action,) = world.actions()
    assert document["results"][0]["action_id"] == action.action_id
    assert (verdict["verdict"], verdict["decision"]) == ("divergent", "halt")
    assert verdict["evidence_hash"] == action.evidence_hash
    assert action.status is ActionStatus.PENDING_APPROVAL
    assert len(world.breakers()) == 1
    assert world.alerts() == [], "delivered by the same command"


def test_what_was_approved_at_the_command_line_is_applied_by_the_next_cycle(
    run: Run, world: World
) -> None:
    bot = world.bot().holds("100")
    world.hold("150")
    run("reconcile")
    (action,) = world.actions()
    assert run("approve", action.action_id, "--by", "anna").status == 0

    run("reconcile")

    (done,) = world.actions()
    assert (done.status, done.decided_by) == (ActionStatus.CORRECTED, "anna")
    assert bot.position == {SYMBOL: Decimal(150)}
    assert world.breakers() == []
    assert run("reconcile").status == 0


def test_what_was_approved_stays_so_while_the_exchange_cannot_be_read(
    run: Run, world: World
) -> None:
    world.bot().holds("100")
    world.hold("150")
    run("reconcile")
    (action,) = world.actions()
    run("approve", action.action_id, "--by", "anna")
    world.controls.inject(FaultKind.ERROR_500, "positions", times=None)

    assert run("reconcile").status == 3

    assert [each.status for each in world.actions()] == [ActionStatus.APPROVED]
    assert len(world.breakers()) == 1


def test_a_small_divergence_is_corrected_by_the_same_command(run: Run, world: World) -> None:
    bot = world.bot().holds("150")
    world.hold("153")

    assert run("reconcile", "--json").status == 3

    assert bot.position[SYMBOL] == Decimal(153)
    assert [action.status for action in world.actions()] == [ActionStatus.CORRECTED]
    assert run("reconcile").status == 0


def test_show_prints_what_replay_reads_and_what_the_schemas_promise(
    run: Run, world: World, tmp_path: Any
) -> None:
    world.bot().holds("150")
    world.hold("153")
    run("reconcile")
    (action,) = world.actions()
    shown = run("show", action.action_id, "--json")
    VERDICT.validate(shown.document["verdict"])
    (tmp_path / "shown.json").write_text(shown.out)

    (replayed,) = run("replay", str(tmp_path / "shown.json")).lines

    assert replayed == shown.document["verdict"]
    assert replayed["evidence_hash"] == action.evidence_hash


@pytest.mark.parametrize("exchange", ["150", "102"])
def test_a_dry_run_compares_and_changes_nothing(run: Run, world: World, exchange: str) -> None:
    bot = world.bot().holds("100")
    world.hold(exchange)

    answer = run("reconcile", "--dry-run", "--json")

    assert answer.status == 3
    (result,) = json.loads(answer.out)["results"]
    assert (result["verdict"], result["action_id"]) == ("divergent", None)
    assert (world.actions(), world.breakers(), world.alerts()) == ([], [], [])
    assert world.events() == []
    assert bot.position[SYMBOL] == Decimal(100)
    with world.store.reading() as tx:
        row = tx.bots.get("b1")
        assert row is not None
        assert row.last_reconciliation_at is None
        assert tx.sightings.get("b1", SYMBOL) is None


def test_what_cannot_be_read_is_not_well(run: Run, world: World) -> None:
    world.bot().holds("100")
    world.controls.inject(FaultKind.ERROR_500, "positions", times=None)
    answer = run("reconcile", "--json")
    assert answer.status == 3
    assert [one["verdict"] for one in json.loads(answer.out)["results"]] == ["no_evidence"]


def test_one_bot_alone_is_reconciled(run: Run, world: World) -> None:
    world.bot("b1").holds("100")
    world.bot("b2", "second").holds("100")
    world.hold("150", account_id="second")
    document = json.loads(run("reconcile", "--bot", "b2", "--json").out)
    assert [one["bot_id"] for one in document["results"]] == ["b2"]
    assert {one["key"].split("/")[0] for one in world.controls.requests() if one["key"]} == {
        "second"
    }


def test_of_two_bots_on_an_account_only_the_one_that_is_named_is_acted_upon(
    run: Run, world: World
) -> None:
    world.bot("b1").holds("100")
    world.bot("b2", pairs=("ETH/USDT:USDT",)).holds("5")
    world.hold("150")
    document = json.loads(run("reconcile", "--bot", "b2", "--json").out)
    assert [one["bot_id"] for one in document["results"]] == ["b2"]
    assert {one.bot_id for one in world.actions()} <= {"b2"}


def test_a_bot_that_is_not_registered_is_named(run: Run, world: World) -> None:
    world.bot()
    assert run("reconcile", "--bot", "b7").complaint == "--bot: no bot 'b7' is registered"


def test_without_bots_there_is_nothing_to_do(run: Run) -> None:
    assert run("reconcile", "--json").document == {"results": []}
    assert run("reconcile").out == "There is nothing to reconcile.\n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "RECON_ACCOUNT_SECOND: is not set"),
        ("{", "RECON_ACCOUNT_SECOND: is not valid JSON"),
        ('{"exchange": "binance", "secret": "x"}', "RECON_ACCOUNT_SECOND.apiKey: is required"),
        (
            '{"exchange": "binanze", "apiKey": "k", "secret": "s"}',
            "account second: exchange 'binanze' is not known",
        ),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry"])
def test_a_missing_or_bad_key_is_named_before_anything_is_done(
    run: Run,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    said: str,
    dry: tuple[str, ...],
) -> None:
    world.bot("b1").holds("100")
    world.bot("b2", "second").holds("100")
    world.hold("150")
    if value is None:
        monkeypatch.delenv("RECON_ACCOUNT_SECOND")
    else:
        monkeypatch.setenv("RECON_ACCOUNT_SECOND", value)

    assert said in run("reconcile", *dry).complaint

    assert world.actions() == []
    assert world.controls.requests() == []


def test_a_bad_statsd_port_is_named(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bot()
    monkeypatch.setenv("RECON_STATSD_PORT", "many")
    assert "RECON_STATSD_PORT" in run("reconcile").complaint


def test_a_cycle_is_measured_where_the_environment_says(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bot().holds("100")
    world.hold("100")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        monkeypatch.setenv("RECON_STATSD_PORT", str(daemon.getsockname()[1]))
        monkeypatch.setenv("RECON_STATSD_PREFIX", "desk")
        run("reconcile")
        assert daemon.recv(1000) == b"desk.verdicts.b1.in_sync:1|c"
