"""Users: signing up and in, and the account each has in the engine."""

import asyncio
import re
from typing import Final, Protocol

import msgspec
import structlog

from openbourse.edge.addresses import limited_as
from openbourse.edge.errors import ApiError, rejected
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform, unavailable
from openbourse.identity.attempts import ATTEMPT_WINDOW_S, Attempts, Limit, allow
from openbourse.identity.device_cookies import DeviceCookies
from openbourse.identity.devices import network_of
from openbourse.identity.notices import Origin, password_changed
from openbourse.identity.second_factor import SecondFactors
from openbourse.identity.store import Store, User
from openbourse.protocol.commands import OpenAccount
from openbourse.protocol.rejects import RejectReason

log: Final = structlog.get_logger()

PASSWORD_LENGTH_LEAST: Final = 10
PASSWORD_LENGTH_MAX: Final = 128
EMAIL_LENGTH_MAX: Final = 254
ATTEMPTS_PER_EMAIL: Final = 10
ATTEMPTS_PER_DEVICE: Final = 10
ATTEMPTS_PER_ADDRESS: Final = 100
RECONCILE_BATCH: Final = 100
RECONCILE_EVERY_S: Final = 5.0
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*"
)


class Passwords(Protocol):
    """Hashing of passwords, bounded."""

    async def hash(self, password: str) -> str: ...
    async def matches(self, password: str, hashed: str | None) -> bool: ...


class Users:
    """Signs people up and in. A row comes first, the account's command follows; what a crash left open is resumed."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        attempts: Attempts,
        intake: Intake,
        second_factors: SecondFactors,
        device_cookies: DeviceCookies,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = attempts
        self._intake = intake
        self.second_factors = second_factors
        self.device_cookies = device_cookies

    async def sign_up(self, email: str, password: str, address: str, device: str = "") -> User:
        """Make a user and open the account; it is seen on this device. Raises ApiError."""
        email = checked_email(email)
        check_password(password)
        await allow(self._attempts, Limit(f"up:{limited_as(address)}", ATTEMPTS_PER_ADDRESS))
        hashed = await self._passwords.hash(password)
        user = await self._store.add_user(email, hashed, (device, network_of(address)))
        if user is None:
            raise ApiError(-5001, "There is an account with this e-mail address already.", 409)
        await self.open_account(user.id)
        return user

    async def sign_in(
        self, email: str, password: str, address: str, code: str | None = None, cookies: bytes = b""
    ) -> User:
        """Return the user whose password this is, and whose code where that is asked for.

        A browser that was signed in to the account before is counted by itself, whatever strangers have used up.
        Raises ApiError, with the same words for every wrong pair: of a second factor hears who knows the password.
        """
        email = email.strip().lower()[:EMAIL_LENGTH_MAX]
        device = await self._known_device(email, cookies)
        # By address too, or who has an account and many cookies would have passwords hashed all day.
        place = f"{'in:address' if device is None else 'in:known-at'}:{limited_as(address)}"
        # What is tried is any text: it is counted where no text makes it count as an address's or a device's.
        guesses = f"in:email:{email}" if device is None else f"device:{device}"
        most = ATTEMPTS_PER_EMAIL if device is None else ATTEMPTS_PER_DEVICE
        await allow(self._attempts, Limit(place, ATTEMPTS_PER_ADDRESS), Limit(guesses, most))
        user = await self._store.find_user(email)
        # An unknown address costs the same work as a wrong password, so that nobody learns who has an account here.
        hashed = None if user is None else user.password_hash
        if not await self._passwords.matches(password[: PASSWORD_LENGTH_MAX + 1], hashed) or user is None:
            raise ApiError(-5002, "The e-mail address or the password is wrong.", 401)
        await self._attempts.forget(guesses, ATTEMPT_WINDOW_S)
        if user.has_second_factor:
            await self.second_factors.prove(user.id, code, at_sign_in=True)
        if not user.is_opened:
            await self.open_account(user.id)
        return user

    async def _known_device(self, email: str, cookies: bytes) -> str | None:
        """Return the device that cookies prove to be of an address's user, or None.

        By the users that the cookies name: how long it takes says nothing of who has the address that is tried.
        """
        for user_id in self.device_cookies.users(cookies):
            user = await self._store.user(user_id)
            device = self.device_cookies.device(user, cookies)
            if device is not None and user is not None and user.email == email:
                return device
        return None

    async def prove_password(self, user_id: int, password: str, address: str) -> User:
        """Return the user of a session who knows the password too. Raises ApiError.

        Strangers who try to sign in do not use up these attempts: they would keep people from changing a password.
        """
        place, guesses = f"in:address:{limited_as(address)}", f"password:{user_id}"
        await allow(self._attempts, Limit(place, ATTEMPTS_PER_ADDRESS), Limit(guesses, ATTEMPTS_PER_EMAIL))
        user = await self._store.user(user_id)
        hashed = None if user is None else user.password_hash
        if not await self._passwords.matches(password[: PASSWORD_LENGTH_MAX + 1], hashed) or user is None:
            raise wrong_password()
        await self._attempts.forget(guesses, ATTEMPT_WINDOW_S)
        return user

    async def change_password(
        self, user_id: int, current: str, new: str, code: str | None, session: str, origin: Origin
    ) -> tuple[User, list[str]]:
        """Change a password and end every other session; return the user as from now on, and those.

        Raises ApiError, and then nothing changed. The owner is told.
        """
        check_password(new)
        user = await self.prove_password(user_id, current, origin.address)
        if new == current:
            raise ApiError(-1130, "The new password must not be the current one.")
        if new.strip().lower() == user.email:
            raise ApiError(-1130, "The new password must not be your e-mail address.")
        hashed = await self._passwords.hash(new)
        await self.second_factors.prove(user_id, code)
        ended = await self._store.change_password(user, hashed, session, password_changed(origin))
        if ended is None:
            raise wrong_password()
        log.info("password changed", user=user_id, sessions_ended=len(ended))
        return msgspec.structs.replace(user, password_hash=hashed), ended

    async def open_account(self, user_id: int) -> None:
        """Have the engine open a user's account; harmless when it is open. Raises ApiError."""
        try:
            reject = await perform(self._intake, OpenAccount(user_id))
        except IntakeFault as fault:
            raise unavailable(fault) from fault
        if reject is not None and reject.reason != RejectReason.ALREADY_EXISTS:
            raise rejected(reject.reason)
        await self._store.mark_opened(user_id)

    async def keep_reconciled(self) -> None:
        """Open accounts that a crash left unopened; runs for ever."""
        while True:
            try:
                for user_id in await self._store.not_opened(RECONCILE_BATCH):
                    await self.open_account(user_id)
            except (ApiError, OSError) as fault:
                log.warning("accounts wait to be opened", why=str(fault))
            await asyncio.sleep(RECONCILE_EVERY_S)


def wrong_password() -> ApiError:
    """Return the refusal of a signed-in person who does not know the password."""
    return ApiError(-5006, "The current password is wrong.", 401)


def checked_email(email: str) -> str:
    """Return an address in its stored form. Raises ApiError for what is none."""
    email = email.strip().lower()
    # An encoded word (RFC 2047) is a name that mail programs read as another one.
    if len(email) > EMAIL_LENGTH_MAX or _EMAIL.fullmatch(email) is None or "=?" in email:
        raise ApiError(-1130, "email must be an address like name@example.com.")
    return email


def check_password(password: str) -> None:
    """Raise ApiError for a password that is too short or too long."""
    if not PASSWORD_LENGTH_LEAST <= len(password) <= PASSWORD_LENGTH_MAX:
        raise ApiError(-1130, f"The password must have {PASSWORD_LENGTH_LEAST} to {PASSWORD_LENGTH_MAX} characters.")
