"""The AWS Lambda function behind the queue: renders notifications and sends them by SES.

Imports nothing but plain Python, two files of ours (`LAMBDA_FILES`) and, to send, the boto3 that Lambda brings.
Environment: OPENBOURSE_MAIL_FROM (required), OPENBOURSE_MAIL_CONFIGURATION_SET (optional: SES's own bounce handling).

The queue gives each message at least once. What was sent by this instance of the function is not sent again; across
instances a message may come twice, with the same Reference in its text. A message that cannot be read or sent is
reported back alone: the queue gives it again, and after its `maxReceiveCount` lays it into the dead-letter queue.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from openbourse.notifier.rendering import render
from openbourse.protocol.notifications import Notification, NotificationFault, read_body

LAMBDA_FILES: Final = (
    "openbourse/__init__.py",
    "openbourse/notifier/__init__.py",
    "openbourse/notifier/lambda_handler.py",
    "openbourse/notifier/rendering.py",
    "openbourse/protocol/__init__.py",
    "openbourse/protocol/notifications.py",
)
"""All that the function's package needs, relative to src/."""
HANDLER: Final = "openbourse.notifier.lambda_handler.handler"
REMEMBERED_MAX: Final = 10_000
"""Ids of mails that this instance has sent; the oldest is forgotten first."""
SES_ATTEMPTS: Final = 3
SES_SECONDS_MAX: Final = 5

_sent: "OrderedDict[str, None]" = OrderedDict()
_clients: dict[str, Any] = {}


def handler(event: Mapping[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Send a batch of the queue's messages; return which are to be given again.

    In a FIFO queue everything behind a failed message of the same group is returned unsent, so that order is kept.
    """
    failed: list[str] = []
    stopped_groups: set[str] = set()
    for record in event.get("Records", []):
        group = record.get("attributes", {}).get("MessageGroupId", "")
        if group and group in stopped_groups:
            failed.append(record["messageId"])
            continue
        fault = _deliver(record)
        if fault:
            failed.append(record["messageId"])
            if group:
                stopped_groups.add(group)
            _say("not delivered", record["messageId"], fault)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _deliver(record: Mapping[str, Any]) -> str:
    """Send one message; return what went wrong, without a word of what it holds."""
    try:
        notification = read_body(_unwrapped(record["body"]))
        if notification.id in _sent:
            return ""
        _send(notification)
    except NotificationFault as fault:
        return str(fault)
    except Exception as fault:
        # Whatever the SDK raises: the queue gives the message again. Its text may name the address, its kind does not.
        return f"{type(fault).__module__}.{type(fault).__qualname__}"
    _sent[notification.id] = None
    if len(_sent) > REMEMBERED_MAX:
        _sent.popitem(last=False)
    return ""


def _unwrapped(body: str) -> str:
    """Return the notification's body, also where a topic that is not set to raw delivery has wrapped it."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    is_wrapped = (
        isinstance(found, dict) and found.get("Type") == "Notification" and isinstance(found.get("Message"), str)
    )
    return str(found["Message"]) if is_wrapped else body


def _send(notification: Notification) -> None:
    subject, text = render(notification)
    request: dict[str, Any] = {
        "FromEmailAddress": os.environ["OPENBOURSE_MAIL_FROM"],
        "Destination": {"ToAddresses": [notification.address]},
        "Content": {
            "Simple": {
                "Subject": {"Data": subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
            }
        },
    }
    configuration_set = os.environ.get("OPENBOURSE_MAIL_CONFIGURATION_SET")
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    _ses().send_email(**request)


def _ses() -> Any:
    """Return the client, made at the first mail and kept while the instance is warm."""
    if "sesv2" not in _clients:
        import boto3
        from botocore.config import Config

        retries: Any = {"max_attempts": SES_ATTEMPTS, "mode": "standard"}
        limits = Config(connect_timeout=SES_SECONDS_MAX, read_timeout=SES_SECONDS_MAX, retries=retries)
        _clients["sesv2"] = boto3.client("sesv2", config=limits)
    return _clients["sesv2"]


def _say(what: str, message: str, why: str) -> None:
    """Write one line of JSON to the function's log."""
    print(json.dumps({"level": "error", "event": what, "message": message, "why": why}), flush=True)  # noqa: T201
