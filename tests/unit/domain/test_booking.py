"""What is booked: real orders, foreign decreases, fees, phantoms, the rest, and at what price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from freqtrade_recon_plugin.domain.model import Evidence, OrderStatus
from tests.unit.domain.samples import (
    evidence,
    fill,
    judge,
    legs,
    market,
    moment,
    numbers,
    order,
    own,
    spot,
    with_exchange,
    with_local,
)

D = Decimal


def entered_at(price: str, local: str, exchange: str, **said: Any) -> Evidence:
    """The exchange reports an entry price."""
    return with_exchange(evidence(local, exchange, **said), entry_price=D(price))


# --- synthetic ----------------------------------------------------------------------------------


def test_what_nothing_explains_gets_one_synthetic_leg() -> None:
    verdict = judge(evidence("100", "103"))
    assert legs(verdict) == [("buy", "3", "increase", "synthetic", "50000")]
    assert (numbers(verdict), verdict.unexplained, verdict.final_local) == ([], 3, 103)


def test_a_position_that_the_book_lacks_is_opened_at_the_entry_price_of_the_exchange() -> None:
    long, short = judge(entered_at("51000", "0", "2")), judge(entered_at("51000", "0", "-2"))
    assert legs(long) == [("buy", "2", "open", "synthetic", "51000")]
    assert legs(short) == [("sell", "2", "open", "synthetic", "51000")]


def test_a_position_that_is_gone_is_closed_at_the_mark_price() -> None:
    verdict = judge(entered_at("51000", "-2", "0", market=market(price=D(48000))))
    assert legs(verdict) == [("buy", "2", "close", "synthetic", "48000")]


def test_a_flip_is_a_close_and_an_open() -> None:
    verdict = judge(entered_at("51000", "100", "-50"))
    assert legs(verdict) == [
        ("sell", "100", "close", "synthetic", "50000"),
        ("sell", "50", "open", "synthetic", "51000"),
    ]


def test_an_increase_makes_the_average_that_of_the_exchange() -> None:
    assert legs(judge(entered_at("51000", "10", "15")))[0][4] == "53000"
    assert legs(judge(entered_at("51000", "-10", "-15")))[0][4] == "53000"


def test_a_price_is_rounded_far_below_any_step() -> None:
    assert legs(judge(entered_at("50001", "100", "103")))[0][4] == "50034.3333333333333333"


@pytest.mark.parametrize("entry", ["0", "30000"])
def test_an_entry_price_that_cannot_be_met_gives_way_to_the_mark_price(entry: str) -> None:
    verdict = judge(entered_at(entry, "10", "15", market=market(price=D(49000))))
    assert legs(verdict)[0][4] == "49000"


def test_without_a_mark_price_an_increase_is_booked_at_the_local_open_rate() -> None:
    subject = with_local(evidence("10", "15", market=market(price=None)), open_rate=D(47000))
    assert legs(judge(subject))[0][4] == "47000"


@pytest.mark.parametrize("nothing", [None, D(0)])
def test_without_any_price_the_leg_waits_for_one(nothing: D | None) -> None:
    blind = with_local(evidence("10", "15", market=market(price=nothing)), open_rate=nothing)
    assert legs(judge(blind))[0][4] is None
    gone = evidence("10", "0", market=market(price=nothing))
    assert legs(judge(gone))[0][4] is None


def test_an_unknown_open_rate_cannot_be_averaged_and_the_mark_price_is_taken() -> None:
    subject = with_local(entered_at("51000", "10", "15"), open_rate=D(0))
    assert legs(judge(subject))[0][4] == "50000"


# --- real ---------------------------------------------------------------------------------------


def test_a_real_order_is_booked_with_its_id_and_price_before_the_rest() -> None:
    missed = own("1", "buy", "4", average=D(49500))
    verdict = judge(entered_at("50500", "100", "105", orders=(missed,)))
    assert [leg.order_id for leg in verdict.booking] == ["1", None]
    assert legs(verdict)[0] == ("buy", "4", "increase", "real", "49500")
    # 100 at 50000 and 4 at 49500 become 105 at 50500 with one more at this price.
    assert legs(verdict)[1] == ("buy", "1", "increase", "synthetic", "104500")
    assert verdict.unexplained == 1


def test_orders_are_booked_oldest_first() -> None:
    orders = (own("b", "sell", "10", at=moment(-100)), own("a", "buy", "6", at=moment(-200)))
    verdict = judge(evidence("10", "6", orders=orders))
    assert [leg.order_id for leg in verdict.booking] == ["a", "b"]


def test_one_order_that_flips_the_position_is_two_legs_of_one_id() -> None:
    verdict = judge(evidence("10", "-5", orders=(own("1", "sell", "15"),)))
    assert [(leg.role, leg.order_id) for leg in verdict.booking] == [("close", "1"), ("open", "1")]


def test_the_average_is_that_of_the_fills_that_are_not_booked() -> None:
    fills = (
        fill("t1", "1", "buy", "6", price=D(40000), at=moment(-300)),
        fill("t2", "1", "buy", "1", price=D(50000), at=moment(-200)),
        fill("t3", "1", "buy", "3", price=D(60000), at=moment(-100)),
    )
    half = own("1", "buy", "10", booked_filled=D(6), average=D(1))
    verdict = judge(evidence("6", "10", orders=(half,), fills=fills))
    assert legs(verdict) == [("buy", "4", "increase", "real", "57500")]


def test_an_order_without_any_price_waits_for_one() -> None:
    for average in (None, D(0)):
        bare = own("1", "sell", "3", average=average)
        assert legs(judge(evidence("100", "97", orders=(bare,)))) == [
            ("sell", "3", "decrease", "real", None)
        ]


def test_after_a_leg_without_a_price_the_average_is_not_known() -> None:
    bare = own("1", "buy", "3", average=None)
    verdict = judge(entered_at("51000", "100", "104", orders=(bare,)))
    assert [leg[4] for leg in legs(verdict)] == [None, "50000"]


# --- phantoms -----------------------------------------------------------------------------------


def test_a_phantom_is_taken_back_at_the_price_that_it_was_booked_at() -> None:
    phantom = own("1", "buy", "3", "1", booked_filled=D(3), average=D(49000))
    verdict = judge(evidence("100", "98", orders=(phantom,)))
    assert numbers(verdict) == [("phantom_fill", "-2", "1")]
    assert legs(verdict) == [("sell", "2", "decrease", "real", "49000")]


def test_a_phantom_exit_puts_the_position_back() -> None:
    phantom = own("1", "sell", "3", "0", booked_filled=D(3), status=OrderStatus.CANCELED)
    verdict = judge(evidence("97", "100", orders=(phantom,)))
    assert legs(verdict) == [("buy", "3", "increase", "real", "50000")]


def test_a_phantom_of_which_nothing_was_filled_goes_at_the_books_rate() -> None:
    phantom = own("1", "buy", "3", "0", booked_filled=D(3), average=None)
    subject = with_local(evidence("100", "97", orders=(phantom,)), open_rate=D(47000))
    assert legs(judge(subject))[0][4] == "47000"
    assert legs(judge(with_local(subject, open_rate=None)))[0][4] == "50000"


# --- foreign ------------------------------------------------------------------------------------


def test_a_strangers_decrease_is_booked_with_its_id_and_price() -> None:
    sale = order("9", "sell", "3", average=D(48000))
    verdict = judge(evidence("100", "97", orders=(sale,)))
    assert numbers(verdict) == [("foreign_fill", "-3", "9")]
    assert legs(verdict) == [("sell", "3", "decrease", "real", "48000")]


def test_no_more_of_a_strangers_decrease_than_what_is_missing() -> None:
    verdict = judge(evidence("100", "97", orders=(order("9", "sell", "5"),)))
    assert numbers(verdict) == [("foreign_fill", "-3", "9")]


def test_the_newest_of_several_strangers_decreases_explains_first() -> None:
    sales = (
        order("old", "sell", "2", at=moment(-300)),
        order("new", "sell", "2", at=moment(-100)),
        order("mid", "sell", "2", at=moment(-200)),
    )
    verdict = judge(evidence("100", "96", orders=sales))
    assert numbers(verdict) == [("foreign_fill", "-2", "mid"), ("foreign_fill", "-2", "new")]


def test_a_strangers_increase_is_explained_and_booked_without_its_id() -> None:
    verdict = judge(entered_at("50000", "100", "103", orders=(order("9", "buy", "3"),)))
    assert numbers(verdict) == [("foreign_fill", "3", "9")]
    assert [(leg.kind, leg.order_id) for leg in verdict.booking] == [("synthetic", None)]
    assert verdict.unexplained == 0


def test_a_stranger_who_flips_the_position_closes_it_and_opens_another() -> None:
    verdict = judge(evidence("10", "-5", orders=(order("9", "sell", "15"),)))
    assert numbers(verdict) == [("foreign_fill", "-10", "9"), ("foreign_fill", "-5", "9")]
    assert [(leg.role, leg.kind) for leg in verdict.booking] == [
        ("close", "real"),
        ("open", "synthetic"),
    ]


def test_a_stranger_who_went_the_other_way_explains_nothing() -> None:
    verdict = judge(evidence("100", "97", orders=(order("9", "buy", "3"),)))
    assert (numbers(verdict), verdict.unexplained) == ([], -3)


def test_a_forced_close_is_a_liquidation() -> None:
    gone = fill("t", "liq-1", "sell", "10", price=D(41000), liquidation=True)
    verdict = judge(evidence("10", "0", fills=(gone,)))
    assert numbers(verdict) == [("liquidation", "-10", "liq-1")]
    assert legs(verdict) == [("sell", "10", "close", "real", "41000")]
    mine = judge(evidence("10", "0", orders=(own("liq-1", "sell", "10"),), fills=(gone,)))
    assert numbers(mine) == [("liquidation", "-10", "liq-1")]


# --- fees ---------------------------------------------------------------------------------------


def bought(fee: str, exchange: str, **said: Any) -> Evidence:
    """An entry of 100 that the book knows, with a fee in the coin that it does not."""
    cost = {"fee_currency": "BTC", "fee_cost": D(fee)}
    return spot(
        "100",
        exchange,
        orders=(own("1", "buy", "100", booked_filled=D(100)),),
        fills=(fill("t", "1", "buy", "100", **cost),),
        **said,
    )


def test_a_fee_takes_amount_off_at_no_price() -> None:
    verdict = judge(bought("0.1", "99.9"))
    assert numbers(verdict) == [("fee", "-0.1", "1")]
    assert legs(verdict) == [("sell", "0.1", "decrease", "fee", "0")]
    assert verdict.booking[0].order_id == "1"


def test_a_fee_explains_no_more_than_what_is_missing() -> None:
    assert numbers(judge(bought("0.1", "99.95"))) == [("fee", "-0.05", "1")]
    assert judge(bought("0.1", "100")).verdict == "in_sync"


def test_what_a_fee_does_not_explain_is_booked_beside_it() -> None:
    verdict = judge(bought("0.1", "99.8"))
    assert [leg[3] for leg in legs(verdict)] == ["fee", "synthetic"]
    assert verdict.unexplained == D("-0.1")


def test_fees_of_trades_in_other_symbols_drain_the_coin() -> None:
    verdict = judge(spot("100", "99.9", fee_drains=D("0.3")))
    assert numbers(verdict) == [("fee", "-0.1", "")]
    assert verdict.explanation[0].note == "paid for trades in other symbols"


def test_fees_do_not_reach_a_position_of_futures() -> None:
    paid = {"fee_currency": "BTC", "fee_cost": D("0.1")}
    verdict = judge(
        evidence(
            "100",
            "99.9",
            orders=(own("1", "buy", "100", booked_filled=D(100)),),
            fills=(fill("t", "1", "buy", "100", **paid),),
            fee_drains=D("0.1"),
        )
    )
    assert (numbers(verdict), verdict.unexplained) == ([], D("-0.1"))


def test_a_missed_entry_comes_with_its_fee() -> None:
    paid = {"fee_currency": "BTC", "fee_cost": D("0.1")}
    entry, part = own("1", "buy", "100"), fill("t", "1", "buy", "100", **paid)
    verdict = judge(spot("0", "99.9", orders=(entry,), fills=(part,)))
    assert numbers(verdict) == [("missed_fill", "100", "1"), ("fee", "-0.1", "1")]
    assert verdict.final_local == D("99.9")


# --- what is left alone -------------------------------------------------------------------------


def test_dust_after_a_missed_exit_stays_unbooked() -> None:
    verdict = judge(spot("2.00005", "0.00005", orders=(own("1", "sell", "2.00005"),)))
    assert numbers(verdict) == [("missed_fill", "-2.00005", "1"), ("dust", "0.00005", "")]
    assert (verdict.final_local, verdict.unexplained) == (0, 0)


def test_coins_of_the_operators_beside_a_missed_exit_stay_unbooked() -> None:
    verdict = judge(spot("2", "5", orders=(own("1", "sell", "2"),)))
    assert numbers(verdict) == [("missed_fill", "-2", "1"), ("external_holding", "5", "")]
    assert (len(verdict.booking), verdict.final_local) == (1, 0)


def test_less_than_a_step_beside_a_missed_fill_stays_unbooked() -> None:
    verdict = judge(evidence("100", "102.9996", orders=(own("1", "buy", "3"),)))
    assert numbers(verdict) == [("missed_fill", "3", "1"), ("dust", "-0.0004", "")]


# --- spot never goes below zero -----------------------------------------------------------------


def test_spot_is_booked_to_zero_and_no_further() -> None:
    verdict = judge(spot("2", "1", external_holding=D(3)))
    assert legs(verdict) == [("sell", "2", "close", "synthetic", "50000")]
    assert (verdict.final_local, verdict.decision, verdict.unexplained) == (0, "halt", -4)


def test_an_own_sale_of_more_than_the_book_closes_it() -> None:
    verdict = judge(spot("2", "1", orders=(own("1", "sell", "3"),)))
    assert legs(verdict) == [("sell", "2", "close", "real", "50000")]
    assert (verdict.final_local, verdict.decision) == (0, "halt")
    assert numbers(verdict) == [("missed_fill", "-3", "1"), ("external_holding", "1", "")]
    assert verdict.unexplained == 1


def test_futures_do_go_below_zero() -> None:
    assert judge(evidence("2", "-1", orders=(own("1", "sell", "3"),))).final_local == -1


def test_crumbs_missing_from_the_coins_set_aside_are_dust_beside_a_missed_sale() -> None:
    sale = own("1", "sell", "2")
    verdict = judge(spot("2", "2.99995", orders=(sale,), external_holding=D(3)))
    assert numbers(verdict) == [("missed_fill", "-2", "1"), ("dust", "-0.00005", "")]
    assert (verdict.final_local, verdict.unexplained) == (0, 0)
