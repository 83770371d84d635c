"""What a person does for the safety of their own account: password, sessions, second factor. API keys may do none of it.

Passwords and codes are taken from the form body alone: whatever stands in front may write the query down.
"""

from datetime import datetime
from typing import Final

from openbourse.edge.auth import only_sessions
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Caller, Operation, Security
from openbourse.identity.keys import Keys, session_id
from openbourse.identity.notices import origin_of
from openbourse.identity.store import KeyRow
from openbourse.identity.users import Users

PROOF_WEIGHT: Final = 20


def operations(users: Users, keys: Keys, is_busy: type[Exception]) -> list[Operation]:
    """Return the operations. is_busy: the passwords' "too many wait"."""
    api = _Api(users, keys, is_busy)
    read = Security.READ
    factor = "/bourse/v1/second-factor"
    return [
        Operation(
            rest=("PUT", "/bourse/v1/password"),
            handler=api.change_password,
            parameters=frozenset({"currentPassword", "newPassword", "code"}),
            confidential=frozenset({"currentPassword", "newPassword", "code"}),
            security=read,
            weight=PROOF_WEIGHT,
        ),
        Operation(rest=("GET", "/bourse/v1/sessions"), handler=api.sessions, security=read),
        Operation(
            rest=("DELETE", "/bourse/v1/sessions"),
            handler=api.end_session,
            parameters=frozenset({"sessionId"}),
            security=read,
        ),
        Operation(rest=("DELETE", "/bourse/v1/sessions/others"), handler=api.end_other_sessions, security=read),
        Operation(rest=("GET", factor), handler=api.second_factor, security=read),
        Operation(
            rest=("POST", factor),
            handler=api.begin_second_factor,
            parameters=frozenset({"password"}),
            confidential=frozenset({"password"}),
            security=read,
            weight=PROOF_WEIGHT,
        ),
        Operation(
            rest=("POST", f"{factor}/confirm"),
            handler=api.confirm_second_factor,
            parameters=frozenset({"code"}),
            confidential=frozenset({"code"}),
            security=read,
            weight=PROOF_WEIGHT,
        ),
        Operation(
            rest=("POST", f"{factor}/remove"),
            handler=api.remove_second_factor,
            parameters=frozenset({"password", "code"}),
            confidential=frozenset({"password", "code"}),
            security=read,
            weight=PROOF_WEIGHT,
        ),
    ]


class _Api:
    def __init__(self, users: Users, keys: Keys, is_busy: type[Exception]) -> None:
        self._users = users
        self._keys = keys
        self._is_busy = is_busy

    async def change_password(self, call: Call) -> object:
        caller = _person(call)
        current, new = call.params.text("currentPassword"), call.params.text("newPassword")
        code = call.params.optional("code")
        try:
            user, ended = await self._users.change_password(
                caller.user, current, new, code, caller.api_key, origin_of(call)
            )
        except self._is_busy:
            raise busy() from None
        await self._keys.announce(ended)
        # The cookies of before have ended with the password: who changed it is no stranger at the next sign-in.
        call.set_cookie = self._users.device_cookies.cookie(user, call.cookies)
        return {"sessionsEnded": len(ended)}

    async def sessions(self, call: Call) -> object:
        caller = _person(call)
        return [_shown(row, caller.api_key) for row in await self._keys.sessions_of(caller.user)]

    async def end_session(self, call: Call) -> object:
        caller = _person(call)
        if not await self._keys.end_session(caller.user, call.params.text("sessionId")):
            raise ApiError(-1130, "There is no such session.", 404)
        return {}

    async def end_other_sessions(self, call: Call) -> object:
        caller = _person(call)
        return {"sessionsEnded": await self._keys.end_other_sessions(caller.user, caller.api_key)}

    async def second_factor(self, call: Call) -> object:
        row, codes_left = await self._users.second_factors.state(_person(call).user)
        return {
            "isOn": row.is_on,
            "onSince": None if row.on_since is None else _ms(row.on_since),
            "recoveryCodesLeft": codes_left,
        }

    async def begin_second_factor(self, call: Call) -> object:
        caller = _person(call)
        try:
            user = await self._users.prove_password(caller.user, call.params.text("password"), call.address)
        except self._is_busy:
            raise busy() from None
        secret, uri = await self._users.second_factors.begin(user)
        call.status = 201
        return {"secret": secret, "uri": uri}

    async def confirm_second_factor(self, call: Call) -> object:
        caller = _person(call)
        codes, ended = await self._users.second_factors.confirm(
            caller.user, call.params.text("code"), caller.api_key, origin_of(call)
        )
        await self._keys.announce(ended)
        return {"recoveryCodes": codes, "sessionsEnded": len(ended)}

    async def remove_second_factor(self, call: Call) -> object:
        caller = _person(call)
        password, code = call.params.text("password"), call.params.text("code")
        try:
            user = await self._users.prove_password(caller.user, password, call.address)
        except self._is_busy:
            raise busy() from None
        await self._users.second_factors.prove(user.id, code)
        await self._users.second_factors.remove(user.id, origin_of(call))
        return {}


def busy() -> ApiError:
    """Return the refusal of who asks while too many passwords wait."""
    return ApiError(
        -1008, "Too many people sign in right now; try again in a moment.", 503, headers={"Retry-After": "2"}
    )


def _person(call: Call) -> Caller:
    """Return who is signed in. Raises ApiError."""
    only_sessions(call)
    assert call.caller is not None
    return call.caller


def _shown(row: KeyRow, current: str) -> dict[str, object]:
    assert row.expires_at is not None, "a session has an end"
    return {
        "sessionId": session_id(row.api_key),
        "isCurrent": row.api_key == current,
        "device": row.begun_with,
        "network": row.begun_from,
        "createdAt": _ms(row.created_at),
        "lastUsedAt": None if row.last_used_at is None else _ms(row.last_used_at),
        "expiresAt": _ms(row.expires_at),
    }


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)
