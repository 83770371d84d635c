"""The function behind the queue: a real event's shape, mails by SES, and only what failed comes back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from openbourse.notifier import lambda_handler
from openbourse.protocol.notifications import Notification, Topic
from tests.emulators import REGION, client

SOURCE = Path(__file__).parents[2] / "src"
FROM = "exchange@example.com"
FACTS = {
    "order": "7",
    "side": "BUY",
    "symbol": "BTCUSDT",
    "quantity": "2.00000000",
    "last_quantity": "1.00000000",
    "last_price": "60000.00000000",
    "executed": "1.00000000",
    "status": "PARTIALLY_FILLED",
    "commission": "0.00100000 BTC",
}


def notification(number: int, address: str = "alice@example.com") -> Notification:
    return Notification(f"0-{number}-7", Topic.FILL, 1, address, 1_764_000_000_000, FACTS)


def record(body: str, number: int, group: str = "") -> dict[str, Any]:
    """Return a record as a queue hands it to a function."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1764000000000",
        "SenderId": "AIDAIT2UOQQY3AUEKVGXU",
        "ApproximateFirstReceiveTimestamp": "1764000000001",
    }
    if group:
        attributes |= {"MessageGroupId": group, "MessageDeduplicationId": str(number), "SequenceNumber": str(number)}
    return {
        "messageId": f"059f36b4-87a3-44ab-83d2-{number:012d}",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:notifications",
        "awsRegion": "eu-central-1",
    }


@pytest.fixture
def mails(aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have SES know the sender, and the function be cold; return where the mails can be seen."""
    monkeypatch.setenv("OPENBOURSE_MAIL_FROM", FROM)
    monkeypatch.setattr(lambda_handler, "_clients", {})
    lambda_handler._sent.clear()
    client("sesv2", aws).create_email_identity(EmailIdentity=FROM)
    return aws


def sent_to(address: str) -> list[Any]:
    """Return the mails that moto's SES, in this very process, was given for an address."""
    messages = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    return [message for message in messages if address in message.destinations.get("ToAddresses", [])]


def test_each_message_becomes_a_mail(mails: str) -> None:
    batch = [record(notification(number, f"person{number}@example.com").body(), number) for number in range(10)]
    assert lambda_handler.handler({"Records": batch}, None) == {"batchItemFailures": []}
    for number in range(10):
        (mail,) = sent_to(f"person{number}@example.com")
        assert mail.source == FROM
        assert mail.subject == "BUY BTCUSDT: PARTIALLY_FILLED"
        assert f"Reference: 0-{number}-7" in mail.body


def test_only_what_failed_comes_back(mails: str, capsys: pytest.CaptureFixture[str]) -> None:
    bodies = [
        notification(1).body(),
        "no JSON",
        json.dumps({**json.loads(notification(2).body()), "version": 9}),
        json.dumps({**json.loads(notification(3).body()), "address": "a@b.c\r\nBcc: everybody@example.com"}),
        json.dumps({**json.loads(notification(4).body()), "facts": {}}),
        notification(5).body(),
    ]
    batch = [record(body, number) for number, body in enumerate(bodies)]
    answer = lambda_handler.handler({"Records": batch}, None)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [
        batch[n]["messageId"] for n in (1, 2, 3, 4)
    ]
    assert "everybody" not in capsys.readouterr().out


def test_a_message_that_comes_twice_is_mailed_once(mails: str) -> None:
    event = {"Records": [record(notification(1).body(), 1)]}
    lambda_handler.handler(event, None)
    calls: list[object] = []
    lambda_handler._clients["sesv2"] = type("Ses", (), {"send_email": lambda self, **request: calls.append(request)})()
    assert lambda_handler.handler(event, None) == {"batchItemFailures": []}
    assert calls == []


def test_a_failed_message_holds_up_its_group_and_no_other(mails: str) -> None:
    batch = [
        record("no JSON", 1, "alice"),
        record(notification(2).body(), 2, "alice"),
        record(notification(3).body(), 3, "bob"),
    ]
    answer = lambda_handler.handler({"Records": batch}, None)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [each["messageId"] for each in batch[:2]]
    assert list(lambda_handler._sent) == ["0-3-7"]


def test_a_mail_that_ses_refuses_comes_back_without_its_address_in_the_log(
    mails: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBOURSE_MAIL_FROM", "nobody-verified-this@example.org")
    batch = [record(notification(1).body(), 1)]
    assert len(lambda_handler.handler({"Records": batch}, None)["batchItemFailures"]) == 1
    said = capsys.readouterr().out
    assert "not delivered" in said
    assert "alice" not in said


def test_what_a_topic_has_wrapped_is_unwrapped(mails: str) -> None:
    wrapped = json.dumps({"Type": "Notification", "MessageId": "1", "Message": notification(8).body()})
    assert lambda_handler.handler({"Records": [record(wrapped, 1)]}, None) == {"batchItemFailures": []}
    assert list(lambda_handler._sent) == ["0-8-7"]


def test_the_function_needs_nothing_but_its_own_files(tmp_path: Path) -> None:
    for name in lambda_handler.LAMBDA_FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((SOURCE / name).read_text())
    module, _, function = lambda_handler.HANDLER.rpartition(".")
    asked = f"import {module} as m, json; print(json.dumps(m.{function}({{'Records': []}}, None)))"
    # -S: not one installed package can be found.
    done = subprocess.run(
        [sys.executable, "-S", "-c", asked],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"batchItemFailures": []}
