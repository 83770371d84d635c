"""Device cookies, as OWASP has them: they tell a browser that was signed in to an account before from strangers who guess.

A cookie opens nothing. Its browser's guesses are counted apart from those of strangers, who then lock out strangers alone.
"""

import base64
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from openbourse.identity.store import User

NAME: Final = "openbourse-device"
PATH: Final = "/bourse/v1"
COOKIE_DAYS: Final = 90
"""After the last sign-in with it."""
ACCOUNTS_PER_BROWSER_MAX: Final = 4
"""Of a browser that signs in to more, the account that it signed in to longest ago takes it for a stranger's."""
CLOCKS_APART_S: Final = 60
"""As much as one process's clock may be before another's."""
NONCE_BYTES: Final = 16
VALUE_LENGTH_MAX: Final = 1_024
_TOKEN: Final = re.compile(r"([0-9]{1,18})\.([A-Za-z0-9_-]{22})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


class _Token(msgspec.Struct, frozen=True):
    text: str
    user: int
    nonce: str
    begun: int
    seal: str


class DeviceCookies:
    """Makes and recognizes them. No row is kept: a token is sealed over the account, its password's hash, and the time."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def device(self, user: User | None, cookies: bytes) -> str | None:
        """Return what names the device that cookies prove to be a user's, or None.

        Each token is compared, in constant time, whoever's it is: nobody learns who has an account here.
        """
        found = None
        password_hash = "" if user is None else user.password_hash or ""
        for token in _tokens(cookies):
            is_sealed = hmac.compare_digest(self._seal(token.user, token.nonce, token.begun, password_hash), token.seal)
            is_young = -CLOCKS_APART_S <= self._clock() - token.begun <= COOKIE_DAYS * 86_400
            if is_sealed and is_young and user is not None and token.user == user.id and user.password_hash:
                found = token.nonce
        return found

    @staticmethod
    def users(cookies: bytes) -> list[int]:
        """Return whom cookies name, truly or not: a few."""
        return [token.user for token in _tokens(cookies)]

    def cookie(self, user: User, cookies: bytes) -> str:
        """Return the header that has a browser keep a token for a user; its name and its other accounts' tokens stay."""
        nonce = self.device(user, cookies) or secrets.token_urlsafe(NONCE_BYTES)
        begun = int(self._clock())
        token = f"{user.id}.{nonce}.{begun}.{self._seal(user.id, nonce, begun, user.password_hash or '')}"
        others = [each.text for each in _tokens(cookies) if each.user != user.id]
        value = "~".join([token, *others[: ACCOUNTS_PER_BROWSER_MAX - 1]])
        return f"{NAME}={value}; Path={PATH}; Max-Age={COOKIE_DAYS * 86_400}; Secure; HttpOnly; SameSite=Strict"

    def _seal(self, user_id: int, nonce: str, begun: int, password_hash: str) -> str:
        sealed = hmac.digest(self._key, f"{user_id}.{nonce}.{begun}.{password_hash}".encode(), "sha256")
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _tokens(cookies: bytes) -> list[_Token]:
    """Return what stands in the cookie, good or not."""
    for pair in cookies.decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME and len(value) <= VALUE_LENGTH_MAX:
            found = [_TOKEN.fullmatch(text) for text in value.split("~")[:ACCOUNTS_PER_BROWSER_MAX]]
            return [_Token(each[0], int(each[1]), each[2], int(each[3]), each[4]) for each in found if each]
    return []
