"""Refusals of the simulated exchange, in Binance's own numbers, and mistakes in using the sandbox.

SandboxError
├── ApiError        answered to the trading client as JSON `{"code", "msg"}`
└── ControlError    a bad request to the control API, with a message for a person
"""


class SandboxError(Exception):
    """Anything that the sandbox refuses to do."""


class ApiError(SandboxError):
    """A refusal as Binance words it.

    :param code: Binance's error code, negative
    :param message: the text of `msg`
    :param status: the HTTP status that goes with it
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class ControlError(SandboxError):
    """The control API was asked for something that does not exist or cannot be done."""


def unknown_symbol() -> ApiError:
    return ApiError(-1121, "Invalid symbol.")


def missing_parameter(name: str) -> ApiError:
    return ApiError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal_parameter(name: str) -> ApiError:
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def no_permission() -> ApiError:
    """Unknown key, or a key that may not do this: Binance does not tell which."""
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def order_not_found() -> ApiError:
    return ApiError(-2013, "Order does not exist.")


def unknown_order() -> ApiError:
    """What a cancel of an order that is gone gets."""
    return ApiError(-2011, "Unknown order sent.")


def insufficient_balance() -> ApiError:
    return ApiError(-2010, "Account has insufficient balance for requested action.")


def insufficient_margin() -> ApiError:
    return ApiError(-2019, "Margin is insufficient.")


def reduce_only_rejected() -> ApiError:
    return ApiError(-2022, "ReduceOnly Order is rejected.")


def would_trigger() -> ApiError:
    return ApiError(-2021, "Order would immediately trigger.")
