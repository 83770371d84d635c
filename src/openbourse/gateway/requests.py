"""Pieces of requests that several operations read: who is meant, how much is answered, ids, and refusals by name."""

import secrets
import string
from typing import Final

from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.operations import Call
from openbourse.protocol.commands import CancelRestriction
from openbourse.protocol.instruments import OrderType
from openbourse.protocol.rejects import RejectReason

CLIENT_ID_CHARACTERS: Final = 22
DETAILS: Final = ("ACK", "RESULT", "FULL")
_ALPHABET: Final = string.ascii_letters + string.digits


def new_client_id() -> str:
    """Return a client order id for a request that brought none."""
    number, characters = int.from_bytes(secrets.token_bytes(17), "little"), []
    for _ in range(CLIENT_ID_CHARACTERS):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)


def read_detail(call: Call, kind: int) -> str:
    """Return how much of an order of a type the answer shows. Raises ApiError."""
    return read_detail_or(call, "FULL" if kind in (OrderType.LIMIT, OrderType.MARKET) else "ACK")


def read_detail_or(call: Call, default: str) -> str:
    """Return how much of an order the answer shows, if the call says so. Raises ApiError."""
    sent = call.params.get("newOrderRespType")
    if sent is None:
        return default
    if sent not in DETAILS:
        raise invalid("newOrderRespType")
    return sent


def read_restriction(call: Call) -> int:
    """Return cancelRestrictions. Raises ApiError -1145."""
    sent = call.params.get("cancelRestrictions")
    if sent is None:
        return CancelRestriction.NONE
    if sent not in ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise ApiError(-1145, "Invalid cancelRestrictions")
    return CancelRestriction[sent]


def read_target(call: Call, id_name: str, client_name: str) -> tuple[int, str]:
    """Return the order id (0: none) and the client id ("": none) of the order meant. Raises ApiError -1102."""
    order = call.params.integer(id_name) if id_name in call.params else 0
    client_id = call.params.client_id(client_name) or ""
    if id_name not in call.params and not client_id:
        raise ApiError(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    if not order and not client_id:
        raise rejected(RejectReason.UNKNOWN_ORDER)
    return order, client_id


def invalid(name: str) -> ApiError:
    """Return the refusal of a value that a parameter may not have."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def missing(name: str) -> ApiError:
    """Return the refusal of a mandatory parameter that was not sent."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unwanted(name: str) -> ApiError:
    """Return the refusal of a parameter that does not belong to the order's type."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")
