"""Every outlet takes notifications over, says what it did not take, and shows no address or password on the way."""

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from openbourse.adapters import outlets
from openbourse.adapters.outlets import Outlet, OutletUnknown, open_outlet
from openbourse.notifier.rendering import render
from openbourse.protocol.notifications import Notification, NotificationFault, Topic, is_address, read_body
from tests.emulators import REGION, client

FACTS = {"amount": "1.00000000", "asset": "BTC"}
COUNT = 23


def notifications(count: int = COUNT) -> list[Notification]:
    return [
        Notification(
            f"0-{number}-deposit", Topic.DEPOSIT, number % 3, f"p{number}@example.com", 1_764_000_000_000, FACTS
        )
        for number in range(count)
    ]


class MailServer(threading.Thread):
    """Speaks just enough SMTP on a port of its own; refuses recipients, for good or for now, by their names."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.mails: list[str] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: Any) -> None:
        self._say(stream, "220 here")
        while line := stream.readline().decode():
            match line.split()[0].upper():
                case "DATA":
                    self._say(stream, "354 go on")
                    body = b""
                    while not body.endswith(b"\r\n.\r\n"):
                        body += stream.readline()
                    if b"To: spam@" in body:
                        self._say(stream, "554 not this")
                    elif b"To: later@" in body:
                        self._say(stream, "451 not now")
                    else:
                        self.mails.append(body.decode())
                        self._say(stream, "250 taken")
                case "RCPT" if "gone" in line:
                    self._say(stream, "550 nobody of that name")
                case "RCPT" if "full" in line:
                    self._say(stream, "452 come back later")
                case "RCPT" if "close" in line:
                    self._say(stream, "421 too busy")
                    return
                case "QUIT":
                    self._say(stream, "221 bye")
                    return
                case _:
                    self._say(stream, "250 well")

    @staticmethod
    def _say(stream: Any, text: str) -> None:
        stream.write(text.encode() + b"\r\n")
        stream.flush()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.close()


class Queue:
    """What arrived in a queue."""

    def __init__(self, url: str, is_fifo: bool) -> None:
        self._client = client("sqs", url)
        name = f"told-{secrets.token_hex(4)}" + (".fifo" if is_fifo else "")
        attributes = {"FifoQueue": "true"} if is_fifo else {}
        self.url = self._client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]

    def bodies(self) -> list[str]:
        found: list[str] = []
        while messages := self._client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                found.append(message["Body"])
                self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


async def hand_all(outlet: Outlet, given: list[Notification]) -> None:
    for _ in range(10):
        given = await outlet.hand(given)
        if not given:
            return
    raise AssertionError("never all taken")


@pytest.mark.parametrize("is_fifo", [False, True])
async def test_a_queue_gets_each_one(any_aws: str, is_fifo: bool) -> None:
    queue = Queue(any_aws, is_fifo)
    outlet = open_outlet(f"sqs:{queue.url}", "", render)
    await hand_all(outlet, notifications())
    found = [read_body(body) for body in queue.bodies()]
    assert sorted(each.id for each in found) == sorted(each.id for each in notifications())
    assert {each.address for each in found} == {each.address for each in notifications()}


async def test_a_fifo_queue_drops_what_is_handed_over_again(any_aws: str) -> None:
    queue = Queue(any_aws, is_fifo=True)
    outlet = open_outlet(f"sqs:{queue.url}", "", render)
    for _ in range(2):
        await hand_all(outlet, notifications(5))
    assert len(queue.bodies()) == 5


async def test_a_topic_gives_each_one_to_its_queue(any_aws: str) -> None:
    queue, sns = Queue(any_aws, is_fifo=False), client("sns", any_aws)
    arn = sns.create_topic(Name=f"told-{secrets.token_hex(4)}")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
    await hand_all(open_outlet(f"sns:{arn}", "", render), notifications(12))
    found = [read_body(json.loads(body)["Message"]) for body in queue.bodies()]
    assert len({each.id for each in found}) == 12


async def test_a_queue_that_is_not_there_takes_none_and_shows_nothing(aws: str) -> None:
    outlet = open_outlet(f"sqs:https://sqs.{REGION}.amazonaws.com/123456789012/no-such-queue", "", render)
    with pytest.raises(ConnectionError) as caught:
        await outlet.hand(notifications(1))
    assert "p0@" not in str(caught.value)


async def test_mail_is_sent_with_the_same_id_each_time(mail_server: MailServer) -> None:
    outlet = open_outlet(f"smtp://127.0.0.1:{mail_server.port}", "Exchange <no-reply@example.com>", render)
    await hand_all(outlet, notifications(3))
    await hand_all(outlet, notifications(3)[:1])
    first, *_, again = mail_server.mails
    assert "Message-ID: <0-0-deposit@example.com>" in first
    assert "To: p0@example.com" in first
    assert "Subject: Deposit of 1.00000000 BTC" in first
    assert first.splitlines()[2:] == again.splitlines()[2:]
    assert len(mail_server.mails) == 4


async def test_a_mailbox_that_is_full_is_tried_again_and_one_that_is_gone_is_not(mail_server: MailServer) -> None:
    outlet = open_outlet(f"smtp://127.0.0.1:{mail_server.port}", "no-reply@example.com", render)
    given = [
        Notification(name, Topic.DEPOSIT, 1, f"{name}@example.com", 0, FACTS)
        for name in ("full", "fine", "gone", "spam", "later", "last")
    ]
    left = await outlet.hand(given)
    assert [each.id for each in left] == ["full", "later"]
    assert [next(line for line in mail.splitlines() if line.startswith("To:")) for mail in mail_server.mails] == [
        "To: fine@example.com",
        "To: last@example.com",
    ]
    assert [each.id for each in await outlet.hand(left)] == ["full", "later"], "the server is there, and takes neither"


async def test_a_server_that_closes_leaves_what_is_behind(mail_server: MailServer) -> None:
    outlet = open_outlet(f"smtp://127.0.0.1:{mail_server.port}", "no-reply@example.com", render)
    given = [
        Notification(name, Topic.DEPOSIT, 1, f"{name}@example.com", 0, FACTS) for name in ("fine", "close", "last")
    ]
    assert [each.id for each in await outlet.hand(given)] == ["close", "last"]
    with pytest.raises(ConnectionError):
        await outlet.hand(given[1:])


@pytest.mark.parametrize("address", ["=?utf-8?q?=0a?=@b.c", "=?utf-8?q??=@b.c", "=?utf-8?q?=c3=a9?=@b.c"])
async def test_what_cannot_be_made_a_mail_keeps_up_nothing_behind_it(mail_server: MailServer, address: str) -> None:
    outlet = open_outlet(f"smtp://127.0.0.1:{mail_server.port}", "no-reply@example.com", render)
    given = [Notification("0-0-deposit", Topic.DEPOSIT, 1, address, 0, FACTS), *notifications(1)]
    assert await outlet.hand(given) == []
    assert len(mail_server.mails) == 1


async def test_a_mail_server_that_is_away_takes_none_and_its_password_is_not_shown() -> None:
    outlet = open_outlet("smtp://user:hush@127.0.0.1:9", "no-reply@example.com", render)
    with pytest.raises(ConnectionError) as caught:
        await outlet.hand(notifications(1))
    assert "hush" not in str(caught.value)


async def test_the_log_shows_what_happened_and_not_to_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    said = LogCapture()
    # A logger that has spoken once keeps its outlet, so it is this module's own that is exchanged.
    monkeypatch.setattr(outlets, "log", structlog.wrap_logger(None, processors=[said]))
    assert await open_outlet("log:", "", render).hand(notifications(2)) == []
    assert [line["subject"] for line in said.entries] == ["Deposit of 1.00000000 BTC"] * 2
    assert "example.com" not in repr(said.entries)
    assert "example.com" not in repr(notifications(1))


@pytest.mark.parametrize("url", ["", "ftp://x", "sqs:", "smtp://", "smtp://user:hush@"])
def test_a_url_that_names_no_outlet_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(OutletUnknown) as caught:
        open_outlet(url, "a@b.c", render)
    assert "hush" not in str(caught.value)


def test_a_body_is_read_back_or_refused() -> None:
    one = notifications(1)[0]
    assert read_body(one.body()).address == one.address
    for wrong in ("", "[]", "{}", one.body() + " " * 20_000, one.body().replace("deposit", "else")):
        with pytest.raises(NotificationFault):
            read_body(wrong)


@pytest.mark.parametrize(
    "text",
    ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "ä@b", "a@" + "b" * 260, "a,b@c", "=?utf-8?q?=0a?=@b.c"],
)
def test_what_may_not_stand_in_a_header_is_no_address(text: str) -> None:
    assert not is_address(text)
