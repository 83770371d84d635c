"""A second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who has lost it.

The secret is sealed, answered once while it is set up, and never again. Each code is accepted once, whoever sends it first.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from openbourse.edge.errors import ApiError
from openbourse.identity.attempts import ATTEMPT_WINDOW_S, DAY_S, Attempts, Limit, allow
from openbourse.identity.keys import Vault
from openbourse.identity.notices import OPERATOR, UNKNOWN, Origin, factor_removed, factor_set_up
from openbourse.identity.store import SecondFactorRow, Store, User

log: Final = structlog.get_logger()

ISSUER: Final = "openbourse"
SECRET_BYTES: Final = 20
DIGITS: Final = 6
STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""A code of the step before or after is good too: clocks differ, and typing takes a while."""
CODES_PER_WINDOW_MAX: Final = 10
CODES_PER_DAY_MAX: Final = 50
"""Three of a million codes are good at a time: who knows the password and guesses every day has even odds after 12 years."""
RECOVERY_CODES: Final = 10
_RECOVERY_ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_RECOVERY_CHARACTERS: Final = 16
_CODE: Final = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
_RECOVERY: Final = re.compile(rf"[{_RECOVERY_ALPHABET}]{{{_RECOVERY_CHARACTERS}}}")
_BETWEEN: Final = re.compile(r"[\s-]+")


class SecondFactors:
    """Sets up, asks for and takes away second factors."""

    def __init__(self, store: Store, vault: Vault, attempts: Attempts, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._vault = vault
        self._attempts = attempts
        self._clock = clock

    async def state(self, user_id: int) -> tuple[SecondFactorRow, int]:
        """Return a user's row, and how many recovery codes are left."""
        return await self._store.second_factor(user_id), await self._store.recovery_codes_left(user_id)

    async def begin(self, user: User) -> tuple[str, str]:
        """Return a new secret as text, and as the URI that an app reads; nothing asks for it yet. Raises ApiError."""
        secret = secrets.token_bytes(SECRET_BYTES)
        if not await self._store.begin_second_factor(user.id, self._vault.seal(secret, _owner(user.id))):
            raise _is_on()
        uri = _totp(secret).get_provisioning_uri(user.email, ISSUER)
        return uri.partition("secret=")[2].partition("&")[0], uri

    async def confirm(
        self, user_id: int, code: str, session: str, origin: Origin = UNKNOWN
    ) -> tuple[list[str], list[str]]:
        """Switch on what was begun, by its first code; every other session ends, for it began without.

        The owner is told. Return recovery codes, to be shown once, and the ended sessions. Raises ApiError.
        """
        row = await self._store.second_factor(user_id)
        if row.is_on:
            raise _is_on()
        if row.secret is None:
            raise ApiError(-5007, "Begin the set-up of the second factor first.", 409)
        await self._allow_code(user_id)
        step = self._step_of(user_id, row.secret, _plain(code))
        if step is None:
            raise _wrong()
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        digests = [_digest(user_id, each) for each in codes]
        notice = factor_set_up(origin)
        ended = await self._store.confirm_second_factor(user_id, row.secret, step, digests, session, notice)
        if ended is None:
            raise ApiError(-5007, "The set-up was begun anew meanwhile; begin again.", 409)
        await self._attempts.forget(_guesses(user_id), ATTEMPT_WINDOW_S)
        log.info("second factor switched on", user=user_id)
        return codes, ended

    async def prove(self, user_id: int, code: str | None, at_sign_in: bool = False) -> None:
        """Accept a code or a recovery code, once, of who has a second factor; ask nothing of who has none. Raises ApiError.

        Who signs in uses up none of the guesses of who is signed in: else whoever knows a password keeps its owner from changing it.
        """
        row = await self._store.second_factor(user_id)
        if row.secret is None or not row.is_on:
            return
        if not code:
            raise ApiError(-5004, "A code of your second factor is needed: send it as code.", 401)
        plain = _plain(code)
        if _RECOVERY.fullmatch(plain):
            await self._prove_recovery(user_id, plain)
            return
        await self._allow_code(user_id, at_sign_in)
        step = self._step_of(user_id, row.secret, plain)
        if step is None or not await self._store.accept_step(user_id, row.secret, step):
            raise _wrong()
        await self._attempts.forget(_guesses(user_id, at_sign_in), ATTEMPT_WINDOW_S)

    async def remove(self, user_id: int, origin: Origin = UNKNOWN) -> None:
        """Switch a proven user's second factor off, and have its owner told. Raises ApiError."""
        if not await self._store.remove_second_factor(user_id, factor_removed(origin)):
            raise _is_off()
        log.info("second factor switched off", user=user_id)

    async def take_away(self, user_id: int, by: str) -> None:
        """Switch off the second factor of a user who has lost it, for an operator who knows who asks. Raises ApiError.

        The owner is told, and not by whom: that is in the log.
        """
        if not await self._store.remove_second_factor(user_id, factor_removed(OPERATOR)):
            raise _is_off()
        log.warning("second factor taken away by an operator", user=user_id, by=by)

    async def _prove_recovery(self, user_id: int, code: str) -> None:
        # Not counted by user: nobody guesses 79 bits, and a count would let strangers use up the owner's last way in.
        if not await self._store.use_recovery_code(user_id, _digest(user_id, code)):
            raise _wrong()
        log.info("recovery code used", user=user_id)

    async def _allow_code(self, user_id: int, at_sign_in: bool = False) -> None:
        guesses = _guesses(user_id, at_sign_in)
        of_day = Limit(f"day:{guesses}", CODES_PER_DAY_MAX, DAY_S)
        await allow(self._attempts, Limit(guesses, CODES_PER_WINDOW_MAX), of_day)

    def _step_of(self, user_id: int, sealed: bytes, code: str) -> int | None:
        """Return the latest step whose code this is. Every step is compared, in constant time, whichever matches."""
        if _CODE.fullmatch(code) is None:
            return None
        try:
            totp = _totp(self._vault.open(sealed, _owner(user_id)))
        except ValueError as fault:
            # Of a master key that was replaced: recovery codes are still good.
            log.error("a second factor's secret cannot be opened", user=user_id, why=str(fault))
            return None
        now = int(self._clock()) // STEP_S
        found = None
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
            if hmac.compare_digest(totp.generate(step * STEP_S), code.encode()):
                found = step
        return found


def _is_off() -> ApiError:
    return ApiError(-5007, "The second factor is not on.", 409)


def _is_on() -> ApiError:
    return ApiError(-5007, "The second factor is on already.", 409)


def _wrong() -> ApiError:
    return ApiError(-5005, "The code is wrong, or was used already.", 401)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)


def _plain(code: str) -> str:
    """Return a code as it is kept, however a person has grouped it."""
    return _BETWEEN.sub("", code).upper()


def _new_recovery_code() -> str:
    characters = [secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_CHARACTERS)]
    return "-".join("".join(characters[at : at + 4]) for at in range(0, _RECOVERY_CHARACTERS, 4))


def _digest(user_id: int, code: str) -> bytes:
    return hashlib.sha256(f"recovery code {user_id} {_plain(code)}".encode()).digest()


def _guesses(user_id: int, at_sign_in: bool = False) -> str:
    return f"code:in:{user_id}" if at_sign_in else f"code:{user_id}"


def _owner(user_id: int) -> str:
    return f"second factor {user_id}"
