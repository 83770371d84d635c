"""Notifications into an SQS queue, or a topic of SNS. Needs the extra `aws`."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from openbourse.protocol.notifications import Notification

log: Final = structlog.get_logger()

BATCH_MAX: Final = 10
"""Of a call, by the services' own limit."""
CALL_S: Final = 5
ATTEMPTS: Final = 3


def new_client(service: str, region: str | None = None) -> Any:
    """Return a client with bounds; credentials and addresses are the environment's and the instance's role."""
    retries: Any = {"max_attempts": ATTEMPTS, "mode": "standard"}
    limits = Config(connect_timeout=CALL_S, read_timeout=CALL_S, retries=retries)
    return boto3.client(service, config=limits, region_name=region)


class _Batched:
    """Sends in calls of ten; what a call did not take is returned, what can never be taken is counted and left out."""

    def __init__(self) -> None:
        self.refused = 0

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Send; return those to be sent again. Raises ConnectionError when none was taken."""
        return await asyncio.to_thread(self._hand, list(notifications))

    def _hand(self, notifications: list[Notification]) -> list[Notification]:
        left: list[Notification] = []
        for at in range(0, len(notifications), BATCH_MAX):
            batch = notifications[at : at + BATCH_MAX]
            try:
                failed = self._call(batch)
            except (BotoCoreError, ClientError) as fault:
                if at == 0:
                    raise ConnectionError(f"{type(fault).__module__}.{type(fault).__qualname__}") from None
                return left + notifications[at:]
            for entry in failed:
                if entry.get("SenderFault"):
                    self.refused += 1
                    log.warning("notification refused", id=batch[int(entry["Id"])].id, code=entry.get("Code"))
                else:
                    left.append(batch[int(entry["Id"])])
        return left

    def _call(self, batch: list[Notification]) -> list[Any]:
        raise NotImplementedError


def _ordered(notification: Notification) -> dict[str, str]:
    """Return what keeps a FIFO's order by account, and drops what is sent again within five minutes."""
    return {"MessageGroupId": str(notification.account), "MessageDeduplicationId": notification.id}


class SqsOutlet(_Batched):
    """A queue by its URL; one whose name ends with `.fifo` drops what comes twice."""

    def __init__(self, queue_url: str) -> None:
        super().__init__()
        self._url = queue_url
        self._client = new_client("sqs", _region_of(queue_url))

    def _call(self, batch: list[Notification]) -> list[Any]:
        is_fifo = self._url.endswith(".fifo")
        entries = [
            {"Id": str(number), "MessageBody": each.body(), **(_ordered(each) if is_fifo else {})}
            for number, each in enumerate(batch)
        ]
        return list(self._client.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", []))


class SnsOutlet(_Batched):
    """A topic by its ARN; subscribers may filter by the attribute `topic`."""

    def __init__(self, arn: str) -> None:
        super().__init__()
        self._arn = arn
        parts = arn.split(":")
        self._client = new_client("sns", parts[3] if len(parts) > 3 and parts[3] else None)

    def _call(self, batch: list[Notification]) -> list[Any]:
        is_fifo = self._arn.endswith(".fifo")
        entries = [
            {
                "Id": str(number),
                "Message": each.body(),
                "MessageAttributes": {"topic": {"DataType": "String", "StringValue": str(each.topic)}},
                **(_ordered(each) if is_fifo else {}),
            }
            for number, each in enumerate(batch)
        ]
        answer = self._client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)
        return list(answer.get("Failed", []))


def _region_of(queue_url: str) -> str | None:
    """Return the region in a queue's URL; None where the environment says it."""
    host = queue_url.partition("://")[2].partition("/")[0].split(".")
    return host[1] if len(host) >= 4 and host[0] == "sqs" else None
