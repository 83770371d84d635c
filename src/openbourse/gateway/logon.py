"""The logon of one session: a key proven once, looked up again at every use."""

import time
from typing import Final

from openbourse.edge import auth
from openbourse.edge.errors import ApiError
from openbourse.edge.key_store import ApiKey, KeyStore
from openbourse.edge.operations import Call, Caller, Security
from openbourse.edge.sockets import Socket
from openbourse.gateway.envelope import payloads

NOT_LOGGED_ON: Final = "You are not authorized to execute this request."


class Logon:
    """Who a session's requests without a key stand for."""

    def __init__(self, keys: KeyStore, socket: Socket, returns_rate_limits: bool) -> None:
        self._keys = keys
        self._socket = socket
        self._returns_rate_limits = returns_rate_limits
        self._connected_us = time.time_ns() // 1_000
        self._since_us: int | None = None
        self.api_key: str | None = None
        self.lost: ApiError | None = None
        """The refusal that told the client that its key is no longer in force."""

    async def log_on(self, call: Call) -> object:
        """Prove a key for the requests to come; every kind of key may."""
        params = call.params
        api_key = params.text("apiKey")
        key, _ = await auth.find_caller(self._keys, api_key, Security.READ, call.address)
        params.text("timestamp")
        signature = params.text("signature")
        auth.check_time(params, call.received_us)
        auth.check_signature(key, payloads(params), signature)
        self.api_key, self._since_us, self.lost = api_key, time.time_ns() // 1_000, None
        return self.shown(call, False)

    async def find(self, security: Security) -> tuple[ApiKey, Caller]:
        """Return the session's key as it is now. Raises ApiError; a key that is gone ends the logon."""
        if self.api_key is None:
            raise ApiError(-1002, NOT_LOGGED_ON, 401)
        try:
            return await auth.find_caller(self._keys, self.api_key, security, self._socket.address)
        except ApiError as refusal:
            if await self._keys.find(self.api_key) is None:
                self.forget()
                self.lost = refusal
            raise

    def forget(self) -> None:
        """Log off."""
        self.api_key = self._since_us = None

    def shown(self, call: Call, has_stream: bool) -> object:
        """Return what session.status tells."""
        return {
            "apiKey": self.api_key,
            "authorizedSince": None if self._since_us is None else call.time(self._since_us),
            "connectedSince": call.time(self._connected_us),
            "returnRateLimits": self._returns_rate_limits,
            "serverTime": call.time(time.time_ns() // 1_000),
            "userDataStream": has_stream,
        }
