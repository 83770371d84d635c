"""Wire shapes of the wallet's answers."""

from typing import Final

from openbourse.listings import ASSET_NAMES
from openbourse.protocol.amounts import format_units
from openbourse.wallet.store import Withdrawal
from openbourse.wallet.views import Balance, Deposit

WITHDRAW_MAX: Final = "9999999999.99999999"
_ZERO: Final = "0.00000000"
_CANCELED: Final = 1
_PROCESSING: Final = 4
_STATUS: Final = {"requested": 2, "held": 2, "approved": 4, "settled": 6, "rejected": 3, "released": 3, "refused": 3}
_STATUS_APPROVED: Final = {"held": 4, "approved": 4, "settled": 6, "rejected": 5, "released": 5}


def status_of(row: Withdrawal) -> int:
    """Return Binance's number of a withdrawal's state.

    1 canceled, 2 awaiting approval, 3 rejected, 4 processing (an operator has approved it), 5 failure, 6 completed.
    """
    if row.canceled_at is not None:
        return _CANCELED
    if row.state == "held" and row.approved_by:
        return _PROCESSING
    if row.approved_at is None:
        return _STATUS[row.state]
    return _STATUS_APPROVED[row.state]


def _awaited(row: Withdrawal) -> str:
    """Return, for its user, that a withdrawal waits for two operators, and why as far as it is about them."""
    if row.state != "held" or row.approved_at is not None or row.approvals_needed < 2:
        return ""
    if row.alone is None or row.second_because not in ("amount", "account"):
        return "Two operators must approve it."
    limit = f"more than {format_units(row.alone.account_max)} {row.coin}"
    return f"Two operators must approve {limit}{' in 24 hours' if row.second_because == 'account' else ''}."


def coin_entry(code: str, balance: Balance | None, network: str) -> dict[str, object]:
    """Return a coin of capital/config/getall."""
    return {
        "coin": code,
        "depositAllEnable": False,
        "withdrawAllEnable": True,
        "name": ASSET_NAMES.get(code, code),
        "free": _ZERO if balance is None else format_units(balance.available),
        "locked": _ZERO if balance is None else format_units(balance.held),
        "freeze": _ZERO,
        "withdrawing": _ZERO,
        "ipoing": _ZERO,
        "ipoable": _ZERO,
        "storage": _ZERO,
        "isLegalMoney": False,
        "trading": True,
        "networkList": [
            {
                "network": network,
                "coin": code,
                "withdrawIntegerMultiple": "0.00000001",
                "isDefault": True,
                "depositEnable": False,
                "withdrawEnable": True,
                "depositDesc": "Deposits by chain are not open on this venue.",
                "withdrawDesc": "",
                "specialTips": "",
                "specialWithdrawTips": "",
                "name": "Settled by the operator",
                "resetAddressStatus": False,
                "addressRegex": "",
                "memoRegex": "",
                "withdrawFee": _ZERO,
                "withdrawMin": "0.00000001",
                "withdrawMax": WITHDRAW_MAX,
                "withdrawInternalMin": _ZERO,
                "depositDust": _ZERO,
                "minConfirm": 0,
                "unLockConfirm": 0,
                "sameAddress": False,
                "withdrawTag": False,
                "estimatedArrivalTime": 0,
                "busy": False,
                "contractAddressUrl": "",
                "contractAddress": "",
            }
        ],
    }


def asset_detail() -> dict[str, object]:
    """Return an asset of assetDetail."""
    return {
        "minWithdrawAmount": "0.00000001",
        "depositStatus": False,
        "withdrawFee": 0,
        "withdrawStatus": True,
        "depositTip": "Deposits by chain are not open on this venue.",
    }


def user_asset(code: str, balance: Balance) -> dict[str, object]:
    """Return a balance of getUserAsset."""
    return {
        "asset": code,
        "free": format_units(balance.available),
        "locked": format_units(balance.held),
        "freeze": "0",
        "withdrawing": "0",
        "ipoable": "0",
        "btcValuation": "0",
    }


def deposit_entry(deposit: Deposit, code: str, network: str) -> dict[str, object]:
    """Return a deposit of deposit/hisrec."""
    time_ms = deposit.time_us // 1_000
    return {
        "id": str(deposit.sequence),
        "amount": format_units(deposit.amount),
        "coin": code,
        "network": network,
        "status": 1,
        "address": "",
        "addressTag": "",
        "txId": deposit.identity.hex(),
        "insertTime": time_ms,
        "completeTime": time_ms,
        "transferType": 0,
        "confirmTimes": "1/1",
        "unlockConfirm": 0,
        "walletType": 0,
        "travelRuleStatus": 0,
    }


def withdrawal_entry(row: Withdrawal) -> dict[str, object]:
    """Return a withdrawal of withdraw/history."""
    entry: dict[str, object] = {
        "id": str(row.id),
        "amount": format_units(row.amount),
        "transactionFee": "0",
        "coin": row.coin,
        "status": status_of(row),
        "address": row.address,
        "addressTag": row.address_tag,
        "txId": row.tx_id if row.state == "settled" else "",
        "applyTime": f"{row.applied_at:%Y-%m-%d %H:%M:%S}",
        "network": row.network,
        "transferType": 0,
        "info": row.reason or _awaited(row),
        "confirmNo": 0,
        "walletType": 0,
        "txKey": "",
    }
    if row.order_id is not None:
        entry["withdrawOrderId"] = row.order_id
    if row.completed_at is not None:
        entry["completeTime"] = f"{row.completed_at:%Y-%m-%d %H:%M:%S}"
    return entry
