"""Identity's own operations under /bourse/v1."""

from typing import Final

from openbourse.edge.auth import only_sessions
from openbourse.edge.errors import ApiError
from openbourse.edge.operations import Call, Operation, Security
from openbourse.identity import security
from openbourse.identity.funds import TestFunds
from openbourse.identity.gateway import GatewayKeys
from openbourse.identity.keys import LABEL_LENGTH_MAX, Keys, parse_networks, parse_permissions
from openbourse.identity.notices import origin_of
from openbourse.identity.store import KeyRow
from openbourse.identity.users import Users

SIGN_WEIGHT: Final = 20
PUBLIC_KEY_LENGTH_MAX: Final = 2_048


def operations(
    users: Users,
    keys: Keys,
    funds: TestFunds | None,
    is_busy: type[Exception],
    gateway: GatewayKeys | None = None,
) -> list[Operation]:
    """Return identity's operations; without funds there are none to take. is_busy: the passwords' "too many wait"."""
    api = _Api(users, keys, funds, is_busy, gateway)
    offered = [
        Operation(
            rest=("POST", "/bourse/v1/users"),
            handler=api.sign_up,
            parameters=frozenset({"email", "password"}),
            confidential=frozenset({"password"}),
            weight=SIGN_WEIGHT,
            json_body=True,
        ),
        Operation(
            rest=("POST", "/bourse/v1/sessions"),
            handler=api.sign_in,
            parameters=frozenset({"email", "password", "code"}),
            confidential=frozenset({"password", "code"}),
            weight=SIGN_WEIGHT,
            json_body=True,
        ),
        Operation(rest=("DELETE", "/bourse/v1/sessions/current"), handler=api.sign_out, security=Security.READ),
        Operation(rest=("GET", "/bourse/v1/api-keys"), handler=api.list_keys, security=Security.READ),
        Operation(
            rest=("POST", "/bourse/v1/api-keys"),
            handler=api.make_key,
            parameters=frozenset({"label", "permissions", "ipAllowList", "publicKey", "code"}),
            confidential=frozenset({"code"}),
            security=Security.READ,
            weight=SIGN_WEIGHT,
        ),
        Operation(
            rest=("DELETE", "/bourse/v1/api-keys"),
            handler=api.remove_key,
            parameters=frozenset({"apiKey"}),
            security=Security.READ,
        ),
        *security.operations(users, keys, is_busy),
    ]
    if gateway is not None:
        offered.append(
            Operation(
                rest=("GET", "/bourse/v1/gateway-key"),
                handler=api.gateway_key,
                security=Security.READ,
                weight=SIGN_WEIGHT,
            )
        )
    if funds is not None:
        offered.append(
            Operation(
                rest=("POST", "/bourse/v1/test-funds"),
                handler=api.take_funds,
                security=Security.TRADE,
                weight=SIGN_WEIGHT,
            )
        )
    return offered


class _Api:
    def __init__(
        self,
        users: Users,
        keys: Keys,
        funds: TestFunds | None,
        is_busy: type[Exception],
        gateway: GatewayKeys | None,
    ) -> None:
        self._users = users
        self._keys = keys
        self._funds = funds
        self._is_busy = is_busy
        self._gateway = gateway

    async def sign_up(self, call: Call) -> object:
        email, password = call.params.text("email"), call.params.text("password")
        try:
            user = await self._users.sign_up(email, password, call.address, origin_of(call).device)
        except self._is_busy:
            raise security.busy() from None
        call.status = 201
        return {"accountId": user.id, "email": user.email}

    async def sign_in(self, call: Call) -> object:
        email, password = call.params.text("email"), call.params.text("password")
        try:
            user = await self._users.sign_in(email, password, call.address, call.params.optional("code"), call.cookies)
        except self._is_busy:
            raise security.busy() from None
        devices = self._users.device_cookies
        is_known = devices.device(user, call.cookies) is not None
        api_key, secret, expires_ms = await self._keys.make_session(user, origin_of(call), is_known)
        call.set_cookie = devices.cookie(user, call.cookies)
        call.status = 201
        return {
            "apiKey": api_key,
            "secretKey": secret,
            "accountId": user.id,
            "email": user.email,
            "expiresAt": expires_ms,
        }

    async def sign_out(self, call: Call) -> object:
        assert call.caller is not None
        only_sessions(call)
        await self._keys.remove(call.caller.user, call.caller.api_key)
        return {}

    async def list_keys(self, call: Call) -> object:
        assert call.caller is not None
        return [_shown(row) for row in await self._keys.all_of(call.caller.user)]

    async def make_key(self, call: Call) -> object:
        assert call.caller is not None
        only_sessions(call)
        label = call.params.get("label", "")
        if len(label) > LABEL_LENGTH_MAX or not label.isprintable():
            raise ApiError(-1130, f"label may have {LABEL_LENGTH_MAX} printable characters.")
        public_key = call.params.optional("publicKey")
        if public_key is not None and len(public_key) > PUBLIC_KEY_LENGTH_MAX:
            raise ApiError(-1130, "publicKey is too long.")
        permissions = parse_permissions(call.params.text("permissions"))
        networks = parse_networks(call.params.get("ipAllowList"))
        await self._users.second_factors.prove(call.caller.user, call.params.optional("code"))
        row, secret = await self._keys.make(call.caller.user, label, permissions, networks, public_key, origin_of(call))
        call.status = 201
        shown = _shown(row) if secret is None else {**_shown(row), "secretKey": secret}
        if self._gateway is not None:
            shown["gatewayKey"] = await self._gateway.give(call.caller.user)
        return shown

    async def remove_key(self, call: Call) -> object:
        assert call.caller is not None
        only_sessions(call)
        if not await self._keys.remove(call.caller.user, call.params.text("apiKey"), origin_of(call)):
            raise ApiError(-1130, "There is no such API key.", 404)
        if self._gateway is not None:
            await self._gateway.take_if_last(call.caller.user)
        return {}

    async def gateway_key(self, call: Call) -> object:
        assert call.caller is not None
        assert self._gateway is not None
        only_sessions(call)
        if not await self._keys.all_of(call.caller.user):
            raise ApiError(-1130, "Make an API key first.", 404)
        return {"gatewayKey": await self._gateway.give(call.caller.user)}

    async def take_funds(self, call: Call) -> object:
        assert call.caller is not None
        assert self._funds is not None
        return await self._funds.take(call.caller.user)


def _shown(row: KeyRow) -> dict[str, object]:
    return {
        "apiKey": row.api_key,
        "label": row.label,
        "permissions": list(row.permissions),
        "ipAllowList": list(row.networks),
        "kind": row.kind,
        "createdAt": int(row.created_at.timestamp() * 1_000),
    }
