"""The column types: one per meaning, with the same value in and out on SQLite and PostgreSQL.

Invariants: a decimal comes back exactly as it went in (SQLite has no decimal type, so both keep
text); a time is timezone-aware UTC with its microseconds; a document is canonical JSON. A stored
value that cannot be read raises `StoreUnavailable`: what is not understood is never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from freqtrade_recon_plugin.domain.policy import Policy
from freqtrade_recon_plugin.errors import SettingsError, StoreUnavailable


def exact_text(value: Decimal) -> str:
    """The shortest plain text of a finite decimal: no exponent, no trailing zeros, no `-0`.

    `Decimal.normalize` is not used: it rounds to the precision of the context.

    :raises ValueError: not a finite `Decimal`.
    """
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"a finite Decimal is needed, got {value!r}")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def utc_text(value: datetime) -> str:
    """A time as ISO 8601 in UTC with six digits of seconds, so that text sorts as time does.

    :raises ValueError: the time has no zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"a time with a zone is needed, got {value!r}")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def canonical_json(value: Any) -> str:
    """One JSON text per value: keys sorted, no spaces, no NaN, ASCII whatever an exchange sent."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def writable(text: str) -> str:
    """The text with what a database cannot hold (NUL, half characters) replaced by a mark.

    Messages quote what an exchange answered, and that may be anything; recording must not fail.
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """The value in JSON's own types; decimals and times become text."""
    if isinstance(value, Decimal):
        return exact_text(value)
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Policy):
        return plain(value.to_mapping())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise StoreUnavailable(f"the store holds {text!r} where a decimal belongs")
    return number


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise StoreUnavailable(
            f"the store holds {text[:60]!r} where a JSON document belongs"
        ) from None


class Amount(TypeDecorator[Decimal]):
    """A `Decimal`, kept as text so that every digit stays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else exact_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else _decimal(value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC time; `timestamptz` on PostgreSQL, sortable text on SQLite."""

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        text = utc_text(value)
        return value if dialect.name == "postgresql" else text

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        try:
            at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return at.astimezone(UTC)
        except ValueError:
            raise StoreUnavailable(f"the store holds {value!r} where a time belongs") from None


class Prose(TypeDecorator[str]):
    """Text for people, made writable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else writable(value)


class Word(TypeDecorator[Any]):
    """A member of a `StrEnum`, kept as its word."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return self.kind(value)
        except ValueError:
            raise StoreUnavailable(
                f"the store holds {value!r} where one of {', '.join(self.kind)} belongs"
            ) from None


class Document(TypeDecorator[Any]):
    """A JSON document, kept as canonical text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else _json(value)


class Names(Document):
    """A tuple of texts, kept as a JSON list."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else tuple(_json(value))


class Amounts(Document):
    """A mapping of text to `Decimal`, kept as a JSON object of decimal texts."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(plain(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return {name: _decimal(amount) for name, amount in _json(value).items()}


class PolicyDocument(Document):
    """A `Policy`, kept as the settings that differ from the defaults."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(plain(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return Policy.from_mapping(_json(value))
        except SettingsError as error:
            raise StoreUnavailable(f"the store holds a policy that is not one: {error}") from None
