"""A notification as subject and text of a mail. Plain Python alone: a Lambda function imports this file."""

from datetime import UTC, datetime
from typing import Final

from openbourse.protocol.notifications import Notification, NotificationFault, Topic

_SUBJECTS: Final = {
    Topic.FILL: "{side} {symbol}: {status}",
    Topic.CANCEL: "{side} {symbol}: order canceled",
    Topic.EXPIRY: "{side} {symbol}: order expired",
    Topic.DEPOSIT: "Deposit of {amount} {asset}",
    Topic.WITHDRAWAL_HELD: "Withdrawal of {amount} {asset} requested",
    Topic.WITHDRAWAL_SETTLED: "Withdrawal of {amount} {asset} sent",
    Topic.WITHDRAWAL_RELEASED: "Withdrawal of {amount} {asset} not made",
    Topic.MUTED: "More happened to your orders",
    Topic.PASSWORD_CHANGED: "Your password was changed",
    Topic.FACTOR_SET_UP: "A second factor was set up",
    Topic.FACTOR_REMOVED: "Your second factor was removed",
    Topic.FACTOR_TAKEN_AWAY: "Your second factor was removed by the operator",
    Topic.KEY_MADE: "An API key was created",
    Topic.KEY_REMOVED: "An API key was removed",
    Topic.NEW_DEVICE: "Sign-in from a new device",
    Topic.SECURITY_MUTED: "More happened to your account",
}
_BY: Final = "By: {origin}"
_LINES: Final = {
    Topic.FILL: (
        "Your order {order} ({side} {quantity} {symbol}) traded {last_quantity} at {last_price} on average.",
        "Executed so far: {executed} of {quantity}. The order is {status}.",
        "Commission: {commission}.",
    ),
    Topic.CANCEL: ("Your order {order} ({side} {quantity} {symbol}) was canceled; {executed} of it had traded.",),
    Topic.EXPIRY: ("Your order {order} ({side} {quantity} {symbol}) expired ({reason}); {executed} of it had traded.",),
    Topic.DEPOSIT: ("{amount} {asset} were credited to your account.",),
    Topic.WITHDRAWAL_HELD: (
        "A withdrawal of {amount} {asset} was requested (number {withdrawal}).",
        "If it was not you, change your password and remove your API keys now.",
    ),
    Topic.WITHDRAWAL_SETTLED: ("Your withdrawal of {amount} {asset} (number {withdrawal}) was sent.",),
    Topic.WITHDRAWAL_RELEASED: (
        "Your withdrawal of {amount} {asset} (number {withdrawal}) was not made; the amount is available again.",
    ),
    Topic.MUTED: (
        "So much happened in this minute that the rest is not mailed one by one: at most {limit} mails a minute.",
        "Your orders and trades are all in your history.",
    ),
    Topic.PASSWORD_CHANGED: (
        "The password of your account was changed. Every other session has ended; API keys stay.",
        _BY,
        "If it was not you, tell the operator of the exchange now: your old password does not sign in any more.",
    ),
    Topic.FACTOR_SET_UP: (
        "A second factor was set up for your account, with new recovery codes. Every other session has ended.",
        _BY,
        "If it was not you, tell the operator of the exchange now: only who has that app or the codes can sign in.",
    ),
    Topic.FACTOR_REMOVED: (
        "The second factor of your account was removed, with its recovery codes: the password alone signs in.",
        _BY,
        "If it was not you, change your password now, and set a second factor up again.",
    ),
    Topic.FACTOR_TAKEN_AWAY: (
        "The second factor of your account was removed, with its recovery codes: the password alone signs in.",
        _BY,
        "If you have not asked for it, tell the operator now, change your password, and set a second factor up again.",
    ),
    Topic.KEY_MADE: (
        "An API key that begins with {key} was created for your account. It may: {permissions}.",
        _BY,
        "If it was not you, remove it and change your password now.",
    ),
    Topic.KEY_REMOVED: (
        "The API key that begins with {key} was removed from your account. Programs that use it are refused.",
        _BY,
        "If it was not you, change your password now.",
    ),
    Topic.NEW_DEVICE: (
        "Your account was signed in to from a device that it has not been seen on lately.",
        _BY,
        "If it was not you, change your password now: that ends every other session. Look at your API keys too.",
    ),
    Topic.SECURITY_MUTED: (
        "So much happened in this hour that the rest is not mailed one by one: at most {limit} about API keys and new devices,"
        " and as many about password and second factor.",
        "Your sessions and API keys are all shown on the page. What you do not know, end and remove, and change your password.",
    ),
}


def render(notification: Notification) -> tuple[str, str]:
    """Return subject and text. Raises NotificationFault where a fact is missing."""
    try:
        subject = _SUBJECTS[notification.topic].format_map(notification.facts)
        lines = [line.format_map(notification.facts) for line in _LINES[notification.topic]]
    except KeyError as missing:
        raise NotificationFault(f"a {notification.topic} lacks the fact {missing}") from None
    moment = datetime.fromtimestamp(notification.time_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    text = "\n".join([*lines, "", f"Time: {moment.replace('+00:00', 'Z')}", f"Reference: {notification.id}"])
    return " ".join(subject.split()), text + "\n"
