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
}
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
