"""The roles of legs and the average price while a position is being booked."""

from decimal import Decimal

import pytest

from freqtrade_recon_plugin.domain.ledger import Ledger
from freqtrade_recon_plugin.domain.model import LegKind

D = Decimal


def booked(position: str, *changes: str, average: str | None = "100", price: str = "200") -> Ledger:
    """A ledger after some changes at one price."""
    ledger = Ledger(D(position), None if average is None else D(average))
    for change in changes:
        ledger.book(D(change), LegKind.REAL, D(price))
    return ledger


@pytest.mark.parametrize(
    ("position", "change", "roles", "after"),
    [
        ("0", "5", ["open"], "5"),
        ("0", "-5", ["open"], "-5"),
        ("5", "1", ["increase"], "6"),
        ("-5", "-1", ["increase"], "-6"),
        ("5", "-1", ["decrease"], "4"),
        ("-5", "1", ["decrease"], "-4"),
        ("5", "-5", ["close"], "0"),
        ("-5", "5", ["close"], "0"),
        ("5", "-7", ["close", "open"], "-2"),
        ("-5", "7", ["close", "open"], "2"),
        ("5", "0", [], "5"),
    ],
)
def test_a_change_is_booked_in_the_roles_that_it_plays(
    position: str, change: str, roles: list[str], after: str
) -> None:
    ledger = booked(position, change)
    assert [leg.role for leg in ledger.legs] == roles
    assert ledger.position == D(after)


def test_the_average_moves_with_increases_and_stays_with_decreases() -> None:
    assert booked("1", "1").average == 150
    assert booked("-1", "-3").average == 175
    assert booked("4", "-1").average == 100
    assert booked("1", "-3").average == 200


def test_the_average_is_unknown_once_a_price_is() -> None:
    assert booked("1", "1", average=None).average is None
    ledger = Ledger(D(1), D(100))
    ledger.book(D(1), LegKind.REAL, None)
    assert ledger.average is None


def test_a_ledger_of_spot_stops_at_zero_and_says_so() -> None:
    ledger = Ledger(D(2), D(100), never_short=True)
    ledger.book(D(-2), LegKind.REAL, None)
    assert not ledger.overdrawn
    ledger.book(D(-1), LegKind.REAL, None)
    assert (ledger.position, ledger.overdrawn, len(ledger.legs)) == (0, True, 1)
