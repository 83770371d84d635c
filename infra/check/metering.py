"""The API of account and control on ministack: keys and plans as the templates make them, in front of a server of ours."""

import asyncio
import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from infra.check.assembly import Assembly
from infra.check.emulators import Client
from infra.environments import Plan
from infra.plan import STAGE
from openbourse.adapters.gateway_keys_aws import AwsGatewayKeys

PATH: Final = "/sapi/v1/system/status"
ASK_S: Final = 20.0
USER: Final = 1_000
VALUE: Final = "the-value-that-identity-keeps-for-this-user"


class Behind:
    """What stands for the inner balancer: answers everything, and keeps which paths it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator["Behind"]:
        """Serve for a while."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def metered(client: Client, url: str, assembly: Assembly, ids: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Ask the API with and without keys, within plans and beyond; yield what each shows."""
    with Behind().serving() as behind:
        _lead_to(client("apigateway"), ids["AccountApi"], behind.url)
        host = f"account.{assembly.environment.domain}"
        status = _ask(url, host, "")
        yield "without a key the API says 403, and nobody is asked", _wrong(status, 403, behind.asked, [])
        slow, fast = sorted(assembly.environment.plans, key=lambda plan: plan.burst)
        key = _key(client, slow)
        status = _ask(url, host, key)
        yield "with a key a request comes through, its path whole", _wrong(status, 200, behind.asked, [PATH])
        behind.asked.clear()
        yield "past its plan a key is refused with 429, and nobody is asked", _flooded(url, host, key, slow, behind)
        seen = Counter(_ask(url, host, _key(client, fast)) for _ in range(slow.burst + slow.rate_per_s))
        user = AwsGatewayKeys(ids["StandardPlan"], client("apigateway"))
        asyncio.run(user.make(USER, VALUE))
        behind.asked.clear()
        yield (
            "a key that the program makes for a user comes through",
            _wrong(_ask(url, host, VALUE), 200, behind.asked, [PATH]),
        )
        behind.asked.clear()
        yield "past its plan it is refused with 429 as well", _flooded(url, host, VALUE, slow, behind)
        asyncio.run(user.remove(USER))
        behind.asked.clear()
        yield "once the program has removed it the API says 403", _wrong(_ask(url, host, VALUE), 403, behind.asked, [])
        yield "the next plan's key is let through meanwhile", [] if set(seen) == {200} else [f"{dict(seen)}"]


def _lead_to(api: Any, id_: str, url: str) -> None:
    """Have the API send to a server of ours: the way through the network is AWS's own, and not here."""
    for resource in api.get_resources(restApiId=id_, limit=500)["items"]:
        if "ANY" in resource.get("resourceMethods", {}):
            uri = f"{url}{resource['path'].replace('{proxy+}', '{proxy}')}"
            change = [{"op": "replace", "path": "/uri", "value": uri}]
            api.update_integration(restApiId=id_, resourceId=resource["id"], httpMethod="ANY", patchOperations=change)
    api.create_deployment(restApiId=id_, stageName=STAGE)


def _key(client: Client, plan: Plan) -> str:
    """Return the key that the templates make for a plan."""
    keys = client("apigateway").get_api_keys(includeValues=True)["items"]
    [found] = [each["value"] for each in keys if each["description"].endswith(plan.name)]
    return str(found)


def _ask(url: str, host: str, key: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=ASK_S)
    try:
        connection.request("GET", PATH, headers={"Host": host, **({"x-api-key": key} if key else {})})
        return connection.getresponse().status
    finally:
        connection.close()


def _flooded(url: str, host: str, key: str, plan: Plan, behind: Behind) -> list[str]:
    began = time.monotonic()
    seen = Counter(_ask(url, host, key) for _ in range(3 * plan.burst))
    most = plan.burst + plan.rate_per_s * (time.monotonic() - began) + 1
    if set(seen) != {200, 429} or not plan.burst / 2 <= seen[200] <= most or len(behind.asked) != seen[200]:
        return [f"{dict(seen)}, {len(behind.asked)} asked, at most {most:.0f} allowed"]
    return []


def _wrong(status: int, wanted: int, asked: list[str], paths: list[str]) -> list[str]:
    return [] if (status, asked) == (wanted, paths) else [f"{status}, asked for {asked}"]
