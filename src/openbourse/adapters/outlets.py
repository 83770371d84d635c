"""Where notifications go, by URL: `log:`, `smtp://host`, `sqs:QUEUE-URL`, `sns:TOPIC-ARN`."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import structlog

from openbourse.protocol.notifications import Notification, NotificationFault

log: Final = structlog.get_logger()

SMTP_SECONDS_MAX: Final = 15.0
MAILS_PER_CONNECTION_MAX: Final = 50
PERMANENT: Final = range(500, 600)
CLOSING: Final = 421
"""What a server says of all mails, not of this one."""

Render = Callable[[Notification], tuple[str, str]]


class OutletUnknown(ValueError):
    """A URL that names no way to tell people, or one that needs the extra `aws`. Its text repeats nothing of it."""


class Outlet(Protocol):
    """Takes notifications."""

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]: ...


def open_outlet(url: str, sender: str, render: Render) -> Outlet:
    """Return the outlet that a URL names; nothing is sent yet. Raises OutletUnknown."""
    scheme, _, rest = url.partition(":")
    match scheme:
        case "log":
            return LogOutlet(render)
        case "smtp" | "smtps":
            return MailOutlet(url, sender, render)
        case "sqs" | "sns" if rest:
            try:
                from openbourse.adapters.outlets_aws import SnsOutlet, SqsOutlet
            except ImportError as fault:
                raise OutletUnknown(f"{scheme}: needs the extra aws: pip install 'openbourse[aws]'") from fault
            return SqsOutlet(rest) if scheme == "sqs" else SnsOutlet(rest)
    raise OutletUnknown("notifications go to log:, smtp://host, smtps://host, sqs:QUEUE-URL or sns:TOPIC-ARN")


class LogOutlet:
    """Writes to the log what would have been sent; no address is in it."""

    def __init__(self, render: Render) -> None:
        self._render = render

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Write one line each."""
        for each in notifications:
            log.info("notification", id=each.id, account=each.account, subject=self._render(each)[0])
        return []


class MailOutlet:
    """Sends by SMTP, with TLS (`smtps:`, or STARTTLS where the server offers it)."""

    def __init__(self, url: str, sender: str, render: Render) -> None:
        """Raises OutletUnknown without host or sender."""
        parts = urlsplit(url)
        if not parts.hostname or not sender:
            raise OutletUnknown("mail needs smtp://host in OPENBOURSE_NOTIFY_URL, and OPENBOURSE_NOTIFY_FROM")
        self._host = parts.hostname
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._is_tls else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = sender
        self._render = render
        self.refused = 0

    async def hand(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Send a connection's worth; return the rest. Raises OSError when the server cannot be reached."""
        now = list(notifications[:MAILS_PER_CONNECTION_MAX])
        return [*await asyncio.to_thread(self._send, now), *notifications[MAILS_PER_CONNECTION_MAX:]]

    def _send(self, notifications: list[Notification]) -> list[Notification]:
        waiting, later = list(notifications), list[Notification]()
        try:
            with self._connect() as server:
                while waiting:
                    if not self._send_one(server, waiting[0]):
                        later.append(waiting[0])
                    waiting.pop(0)
        except smtplib.SMTPException as fault:
            if len(waiting) == len(notifications):
                raise ConnectionError(f"the mail server {self._host}: {type(fault).__name__}") from None
        except OSError as fault:
            if len(waiting) == len(notifications):
                raise ConnectionError(
                    f"the mail server {self._host}: {fault.strerror or type(fault).__name__}"
                ) from None
        return later + waiting

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_SECONDS_MAX, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS_MAX)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        if self._user:
            server.login(self._user, self._password)
        return server

    def _send_one(self, server: smtplib.SMTP, notification: Notification) -> bool:
        """Send a mail; False when the server takes others but not this one now. One that it will never take counts as sent.

        Raises SMTPException, OSError.
        """
        try:
            mail = self._mail(notification)
        except (NotificationFault, ValueError, LookupError) as fault:
            # What cannot be made a mail never will be, and nothing behind it is to wait for it.
            self.refused += 1
            log.warning("no mail can be made", id=notification.id, why=type(fault).__name__)
            return True
        code = 0
        try:
            server.send_message(mail)
        except smtplib.SMTPNotSupportedError:
            pass
        except smtplib.SMTPRecipientsRefused as fault:
            code = next(iter(fault.recipients.values()))[0]
        except smtplib.SMTPDataError as fault:
            code = fault.smtp_code
        else:
            return True
        if code == CLOSING:
            raise smtplib.SMTPServerDisconnected
        if code and code not in PERMANENT:
            return False
        self.refused += 1
        log.warning("mail refused", id=notification.id, code=code)
        return True

    def _mail(self, notification: Notification) -> EmailMessage:
        subject, text = self._render(notification)
        mail: Any = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, notification.address, subject
        # The same at every sending, so that a mailbox may show a mail once that was sent twice.
        mail["Message-ID"] = f"<{notification.id}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        mail.set_content(text)
        return mail  # type: ignore[no-any-return]
