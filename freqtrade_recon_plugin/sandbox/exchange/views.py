"""Orders, fills and positions in the JSON of Binance, spot and futures.

Quantities are strings; booleans are JSON booleans; times are milliseconds.
"""

from typing import Any

from freqtrade_recon_plugin.sandbox.exchange import futures_ledger
from freqtrade_recon_plugin.sandbox.exchange.account import Account, Income, MarginType
from freqtrade_recon_plugin.sandbox.exchange.amounts import ZERO, rounded, text
from freqtrade_recon_plugin.sandbox.exchange.market import Kind, Market
from freqtrade_recon_plugin.sandbox.exchange.orders import AlgoOrder, AlgoStatus, Fill, Order, Side
from freqtrade_recon_plugin.sandbox.exchange.venue import Venue

Json = dict[str, Any]


def spot_order(order: Order) -> Json:
    return {
        "symbol": order.market.id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": text(order.price),
        "origQty": text(order.amount),
        "executedQty": text(order.filled),
        "origQuoteOrderQty": text(order.quote_budget or ZERO),
        "cummulativeQuoteQty": text(order.quote_filled),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": text(order.stop_price),
        "icebergQty": "0",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working,
        "workingTime": order.created_ms if order.working else -1,
        "selfTradePreventionMode": "NONE",
    }


def spot_order_placed(order: Order) -> Json:
    """The full answer to a new order, with its fills."""
    return spot_order(order) | {
        "transactTime": order.updated_ms,
        "fills": [
            {
                "price": text(fill.price),
                "qty": text(fill.amount),
                "commission": text(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ],
    }


def spot_fill(fill: Fill, market: Market) -> Json:
    return {
        "symbol": market.id,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": text(fill.price),
        "qty": text(fill.amount),
        "quoteQty": text(fill.quote_amount),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def futures_order(order: Order) -> Json:
    return {
        "orderId": order.order_id,
        "symbol": order.market.id,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": text(order.price),
        "avgPrice": rounded(order.average),
        "origQty": text(order.amount),
        "executedQty": text(order.filled),
        "cumQty": text(order.filled),
        "cumQuote": text(order.quote_filled),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": text(order.stop_price),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.original_type or order.type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def algo_status(account: Account, algo: AlgoOrder) -> AlgoStatus:
    """TRIGGERED turns into FINISHED when the order that it became has ended."""
    if algo.status is AlgoStatus.TRIGGERED and algo.actual_order_id is not None:
        order = account.orders[algo.actual_order_id]
        return AlgoStatus.TRIGGERED if order.is_open else AlgoStatus.FINISHED
    return algo.status


def algo_order(account: Account, algo: AlgoOrder) -> Json:
    actual = account.orders.get(algo.actual_order_id or 0)
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.market.id,
        "side": algo.side,
        "positionSide": "BOTH",
        "timeInForce": algo.time_in_force,
        "quantity": text(algo.amount),
        "algoStatus": algo_status(account, algo),
        "actualOrderId": str(actual.order_id) if actual else "",
        "actualPrice": rounded(actual.average) if actual else "0",
        "triggerPrice": text(algo.trigger_price),
        "price": text(algo.price),
        "icebergQuantity": None,
        "tpTriggerPrice": "0",
        "tpPrice": "0",
        "slTriggerPrice": "0",
        "slPrice": "0",
        "selfTradePreventionMode": "NONE",
        "workingType": algo.working_type,
        "priceMatch": "NONE",
        "closePosition": algo.close_position,
        "priceProtect": False,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": 0,
    }


def futures_fill(fill: Fill, market: Market) -> Json:
    return {
        "symbol": market.id,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side,
        "price": text(fill.price),
        "qty": text(fill.amount),
        "realizedPnl": rounded(fill.realized_pnl),
        "marginAsset": market.quote,
        "quoteQty": text(fill.quote_amount),
        "baseQty": "0",
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "positionSide": "BOTH",
        "buyer": fill.side is Side.BUY,
        "maker": fill.maker,
    }


def income(row: Income, market_id: str) -> Json:
    return {
        "symbol": market_id,
        "incomeType": row.kind,
        "income": rounded(row.amount),
        "asset": row.asset,
        "info": row.kind,
        "time": row.time_ms,
        "tranId": row.transfer_id,
        "tradeId": "" if row.trade_id is None else str(row.trade_id),
    }


def position_risk(venue: Venue, account: Account, market: Market, *, v2: bool) -> Json:
    """A row of positionRisk. Version 2 also tells leverage and margin type."""
    position = account.position(market.symbol)
    setting = account.setting(market.symbol)
    price = venue.books[market.symbol].price
    isolated = setting.margin_type is MarginType.ISOLATED
    profit = position.unrealized(price)
    wallet = futures_ledger.totals(account, venue.books, venue.markets)
    in_position = futures_ledger.position_margin(account, market.symbol, price)
    in_orders = sum(
        (
            futures_ledger.order_margin(account, order)
            for order in account.open_orders(Kind.FUTURES, market.symbol)
        ),
        ZERO,
    )
    held = position.amount != 0
    row = {
        "symbol": market.id,
        "positionSide": "BOTH",
        "positionAmt": text(position.amount),
        "entryPrice": rounded(position.entry_price),
        "breakEvenPrice": rounded(position.entry_price),
        "markPrice": text(price),
        "unRealizedProfit": rounded(profit),
        "liquidationPrice": rounded(
            futures_ledger.liquidation_price(account, market, wallet.cross_wallet)
        ),
        "isolatedMargin": rounded(position.margin + profit) if isolated and held else "0",
        "notional": text(position.amount * price),
        "isolatedWallet": rounded(position.margin) if isolated else "0",
        "updateTime": position.updated_ms,
    }
    if v2:
        return row | {
            "leverage": str(setting.leverage),
            "maxNotionalValue": text(futures_ledger.max_notional(market, setting.leverage)),
            "marginType": "isolated" if isolated else "cross",
            "isAutoAddMargin": "false",
            "isolated": isolated,
        }
    return row | {
        "marginAsset": market.quote,
        "initialMargin": rounded(in_position + in_orders),
        "maintMargin": rounded(futures_ledger.maintenance_margin(market, position.amount, price)),
        "positionInitialMargin": rounded(in_position),
        "openOrderInitialMargin": rounded(in_orders),
        "adl": 1 if held else 0,
        "bidNotional": "0",
        "askNotional": "0",
    }
