"""Exact numbers in and out: every quantity in the sandbox is a `Decimal`, and a string outside.

`float` never appears: a control request that carries a JSON number is read by its text.
"""

from decimal import ROUND_DOWN, Decimal, InvalidOperation

ZERO = Decimal(0)
_EIGHT_DIGITS = Decimal("0.00000001")


def parse_decimal(value: object) -> Decimal | None:
    """The number that a text, an integer or a Decimal means; None when it means none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def text(value: Decimal) -> str:
    """Plain notation without trailing zeros: `150`, `0.001`, never `1E+2` or `-0`."""
    if value == 0:
        return "0"
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def eight_digits(value: Decimal) -> Decimal:
    """Cut to the eight digits that Binance keeps for fees."""
    return value.quantize(_EIGHT_DIGITS, rounding=ROUND_DOWN)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


def rounded(value: Decimal) -> str:
    """Text with at most eight digits behind the point, for averages and margins."""
    return text(value.quantize(_EIGHT_DIGITS))
