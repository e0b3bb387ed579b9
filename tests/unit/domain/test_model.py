"""Signed quantities, and that the value classes stay as they were made."""

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from freqtrade_recon_plugin.domain.model import OrderSide, PositionSide, side_of, signed
from tests.unit.domain.samples import evidence, exchange_read, judge, local_read, spot, with_local


@pytest.mark.parametrize(
    ("side", "amount", "quantity"),
    [("long", "2", "2"), ("short", "2", "-2"), ("flat", "2", "0"), ("short", "0.00", "0")],
)
def test_a_quantity_is_positive_for_long_and_zero_has_no_sign(
    side: str, amount: str, quantity: str
) -> None:
    number = signed(PositionSide(side), Decimal(amount))
    assert number == Decimal(quantity)
    assert not number.is_signed() or number < 0


def test_the_side_of_a_quantity_is_its_sign() -> None:
    assert [side_of(Decimal(n)) for n in ("0.1", "-0.1", "-0")] == ["long", "short", "flat"]


def test_the_filled_parts_of_open_orders_count_for_the_book() -> None:
    parts = {"open_entry_filled": Decimal("0.5"), "open_exit_filled": Decimal("0.2")}
    assert local_read("10", **parts).quantity == Decimal("10.3")
    assert local_read("-10", **parts).quantity == Decimal("-10.3")
    assert judge(with_local(evidence("10", "10.3"), **parts)).verdict == "in_sync"


def test_a_partly_filled_entry_alone_is_a_position() -> None:
    subject = evidence("0", "0.4")
    subject = with_local(subject, side=PositionSide.LONG, open_entry_filled=Decimal("0.4"))
    assert judge(subject).verdict == "in_sync"


def test_a_read_is_worth_its_side_times_its_amount() -> None:
    assert exchange_read("-3").quantity == -3


def test_contract_size_changes_nothing_since_amounts_are_in_the_base_coin() -> None:
    from tests.unit.domain.samples import market

    tenth = evidence("100", "150", market=market(contract_size=Decimal("0.1")))
    assert judge(tenth) == judge(evidence("100", "150"))


def test_what_is_known_to_be_the_operators_comes_off_on_spot_only() -> None:
    aside = Decimal(3)
    assert judge(spot("2", "5", external_holding=aside)).verdict == "in_sync"
    assert judge(evidence("2", "5", external_holding=aside)).exchange == 5


def test_reads_and_verdicts_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        local_read("1").side = PositionSide.SHORT  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        judge(evidence()).local = Decimal(7)  # type: ignore[misc]


def test_words_are_the_words_of_the_documents() -> None:
    assert f"{OrderSide.BUY}" == "buy"
