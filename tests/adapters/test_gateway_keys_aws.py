"""Keys of API Gateway on ministack and by the service's own answers: made once, in one plan, found among names that begin alike, removed for good."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from openbourse.adapters.gateway_keys_aws import PLAN_TAG, AwsGatewayKeys
from tests.emulators import client, point_at

VALUE = "a-value-of-forty-characters-or-thereabout"


@pytest.fixture
def api(ministack_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    point_at(monkeypatch, ministack_url)
    return client("apigateway", ministack_url)


def keys_in(api: Any, plan: str) -> list[tuple[str, str]]:
    return [(each["name"], each["value"]) for each in api.get_usage_plan_keys(usagePlanId=plan)["items"]]


async def test_a_key_is_made_once_and_removed(api: Any) -> None:
    plan = api.create_usage_plan(name="standard")["id"]
    keys = AwsGatewayKeys(plan)
    await keys.make(1_000, VALUE)
    await keys.make(1_000, VALUE)
    await keys.make(10_000, VALUE + "2")  # its name begins as the other's would without an end
    assert sorted(value for _, value in keys_in(api, plan)) == [VALUE, VALUE + "2"]
    made = [each for each in api.get_api_keys()["items"] if plan in each["name"]]
    assert [each.get("tags") for each in made] == [{PLAN_TAG: plan}] * 2, "by it the role may remove them, and no other"
    await keys.remove(1_000)
    await keys.remove(1_000)
    left = [each["value"] for each in api.get_api_keys(includeValues=True)["items"] if plan in each["name"]]
    assert left == [VALUE + "2"]


async def test_one_that_was_made_without_its_plan_is_put_there(api: Any) -> None:
    plan = api.create_usage_plan(name="standard")["id"]
    keys = AwsGatewayKeys(plan)
    await keys.make(1_001, VALUE + "3")
    [key] = [each["id"] for each in api.get_api_keys()["items"] if plan in each["name"]]
    api.delete_usage_plan_key(usagePlanId=plan, keyId=key)
    await keys.make(1_001, VALUE + "3")
    assert len(keys_in(api, plan)) == 1


@pytest.fixture
def stubbed() -> Iterator[tuple[AwsGatewayKeys, Stubber]]:
    """The service's own answers where the emulator has others: it takes a value twice."""
    inner = client("apigateway", "http://127.0.0.1:9")
    with Stubber(inner) as stub:
        yield AwsGatewayKeys("plan", inner), stub
        stub.assert_no_pending_responses()


def looked(stub: Stubber, *found: str, name: str = "openbourse-plan-1002.") -> None:
    asked = {"nameQuery": name, "limit": 500, "includeValues": False}
    stub.add_response("get_api_keys", {"items": [{"id": each, "name": name} for each in found]}, asked)


async def test_a_value_that_is_another_users_is_no_success(stubbed: tuple[AwsGatewayKeys, Stubber]) -> None:
    keys, stub = stubbed
    looked(stub)
    stub.add_client_error("create_api_key", "ConflictException")
    looked(stub)
    with pytest.raises(ConnectionError, match="ConflictException"):
        await keys.make(1_002, VALUE)


async def test_another_process_may_be_faster(stubbed: tuple[AwsGatewayKeys, Stubber]) -> None:
    keys, stub = stubbed
    looked(stub)
    stub.add_client_error("create_api_key", "ConflictException")
    looked(stub, "k1")
    stub.add_client_error("create_usage_plan_key", "ConflictException")
    await keys.make(1_002, VALUE)
    looked(stub, "k1")
    stub.add_client_error("delete_api_key", "NotFoundException")
    await keys.remove(1_002)


async def test_every_page_is_looked_through(stubbed: tuple[AwsGatewayKeys, Stubber]) -> None:
    keys, stub = stubbed
    name, asked = "openbourse-plan-1002.", {"limit": 500, "includeValues": False}
    others = {"items": [{"id": "k0", "name": f"{name}x"}], "position": "next"}
    stub.add_response("get_api_keys", others, {"nameQuery": name, **asked})
    last = {"items": [{"id": "k1", "name": name}]}
    stub.add_response("get_api_keys", last, {"nameQuery": name, "position": "next", **asked})
    stub.add_response("delete_api_key", {}, {"apiKey": "k1"})
    await keys.remove(1_002)


async def test_what_the_service_refuses_waits(stubbed: tuple[AwsGatewayKeys, Stubber]) -> None:
    keys, stub = stubbed
    looked(stub)
    stub.add_client_error("create_api_key", "LimitExceededException")
    looked(stub)
    with pytest.raises(ConnectionError, match="LimitExceededException") as raised:
        await keys.make(1_002, VALUE)
    assert VALUE not in str(raised.value)


async def test_an_api_that_is_away_or_refuses_is_an_oserror(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionError, match="NotFoundException"):
        await AwsGatewayKeys("no-such-plan").make(1_004, VALUE + "5")
    point_at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ConnectionError) as raised:
        await asyncio.wait_for(AwsGatewayKeys("plan").make(1_005, VALUE + "6"), 30)
    assert VALUE not in str(raised.value)
