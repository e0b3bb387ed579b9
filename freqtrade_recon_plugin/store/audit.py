"""The audit trail: append-only, each record holding the hash of the one before.

Invariants: numbers run from 1 without a gap; a record's hash is the SHA-256 of the hash before it
and of the record as canonical JSON; the head row holds the last number and hash and is locked by
whoever appends, so that writers take turns and a rollback leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, type_coerce, update
from sqlalchemy.types import NullType

from freqtrade_recon_plugin.errors import StoreError
from freqtrade_recon_plugin.store.columns import canonical_json, plain, utc_text, writable
from freqtrade_recon_plugin.store.rows import AuditCheck, AuditRow
from freqtrade_recon_plugin.store.tables import audit, audit_head, bots

#: The hash before the first record.
GENESIS = "0" * 64

_HASHED = tuple(column.name for column in audit.columns if column.name not in ("hash", "at"))
_BATCH = 1000


def record_hash(record: Mapping[str, Any]) -> str:
    """The hash of one record; `previous_hash` is among its fields, `hash` is not looked at.

    :param record: the fields of `AuditRow` by name; `at` as a time or as its ISO 8601 text.
    """
    content = {name: record[name] for name in _HASHED}
    at = record["at"]
    content["at"] = utc_text(at if isinstance(at, datetime) else datetime.fromisoformat(at))
    chained = record["previous_hash"] + canonical_json(content)
    return hashlib.sha256(chained.encode()).hexdigest()


class Audit:
    """The trail within one transaction."""

    def __init__(self, connection: Connection, code_version: str) -> None:
        self._connection = connection
        self._code_version = code_version
        self._head: tuple[int, str] | None = None
        self._accounts: dict[str, str | None] = {}

    def lock(self) -> tuple[int, str]:
        """Takes the writers' turn until the transaction ends.

        :return: number and hash of the last record.
        :raises StoreError: the head row is gone, so nothing may be appended.
        """
        if self._head is None:
            statement = select(audit_head.c.number, audit_head.c.hash).with_for_update()
            row = self._connection.execute(statement).first()
            if row is None:
                raise StoreError("the audit trail has lost its head: run `audit verify`")
            self._head = (row.number, row.hash)
        return self._head

    def append(
        self,
        *,
        at: datetime,
        actor: str,
        event: str,
        bot_id: str | None = None,
        account_id: str | None = None,
        symbol: str | None = None,
        action_id: str | None = None,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
        evidence_hash: str | None = None,
        reason: str | None = None,
    ) -> AuditRow:
        """Appends one record. The repositories do this themselves with each change of state.

        :param actor: a person, or the part of this code that acted.
        :param account_id: looked up from the bot where it is not given.
        """
        number, previous = self.lock()
        record: dict[str, Any] = {
            "number": number + 1,
            "at": at,
            "actor": actor,
            "event": event,
            "bot_id": bot_id,
            "account_id": account_id or self._account_of(bot_id),
            "symbol": symbol,
            "action_id": action_id,
            "old": None if old is None else plain(old),
            "new": None if new is None else plain(new),
            "evidence_hash": evidence_hash,
            "reason": None if reason is None else writable(reason),
            "code_version": self._code_version,
            "previous_hash": previous,
        }
        record["hash"] = record_hash(record)
        self._connection.execute(insert(audit).values(record))
        self._connection.execute(
            update(audit_head).values(number=record["number"], hash=record["hash"])
        )
        self._head = (record["number"], record["hash"])
        return AuditRow(**record)

    def list(
        self, since: datetime | None = None, action_id: str | None = None
    ) -> Iterator[AuditRow]:
        """The records in order, streamed.

        :param since: only those at or after this time.
        :param action_id: only those of one action.
        """
        statement = select(audit).order_by(audit.c.number)
        if since is not None:
            statement = statement.where(audit.c.at >= since)
        if action_id is not None:
            statement = statement.where(audit.c.action_id == action_id)
        result = self._connection.execute(statement, execution_options={"yield_per": _BATCH})
        for row in result.mappings():
            yield AuditRow(**row)

    def verify(self) -> AuditCheck:
        """Checks every record, their order and the head.

        An edit shows at the record itself; a deletion, an insertion or a swap at the first number
        that is missing or does not follow; a cut-off end at the first number that is gone.
        """
        head = self._connection.execute(select(audit_head.c.number, audit_head.c.hash)).first()
        records, previous, first_bad = 0, GENESIS, None
        # Raw values: one that does not even decode is a bad record, not an unreadable store.
        raw = [type_coerce(column, NullType()).label(column.name) for column in audit.columns]
        result = self._connection.execute(
            select(*raw).order_by(audit.c.number), execution_options={"yield_per": _BATCH}
        )
        for row in result.mappings():
            record = dict(row)
            records += 1
            if first_bad is None and not _follows(record, records, previous):
                first_bad = min(records, record["number"])
            previous = record["hash"]
        if first_bad is None:
            first_bad = _beyond(
                None if head is None else (head.number, head.hash), (records, previous)
            )
        return AuditCheck(first_bad is None, records, previous, first_bad)

    def _account_of(self, bot_id: str | None) -> str | None:
        if bot_id is not None and bot_id not in self._accounts:
            self._accounts[bot_id] = self._connection.execute(
                select(bots.c.account_id).where(bots.c.bot_id == bot_id)
            ).scalar()
        return None if bot_id is None else self._accounts[bot_id]


def _follows(raw: Mapping[str, Any], number: int, previous: str) -> bool:
    try:
        documents = {
            name: None if raw[name] is None else json.loads(raw[name]) for name in ("old", "new")
        }
        found = record_hash({**raw, **documents})
    except (TypeError, ValueError):
        return False
    return (raw["number"], raw["previous_hash"], raw["hash"]) == (number, previous, found)


def _beyond(head: tuple[int, str] | None, last: tuple[int, str]) -> int | None:
    """The first number at which the head and the last record do not agree."""
    if head == last:
        return None
    if head is None or head[0] > last[0]:
        return last[0] + 1
    return max(1, min(last[0], head[0] + 1))
