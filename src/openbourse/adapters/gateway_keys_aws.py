"""Keys of API Gateway, one for each user who has an API key, in one usage plan. Needs the extra `aws`."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CALL_S: Final = 5
ATTEMPTS: Final = 2
PAGE: Final = 500
"""Keys of a page, by the service's own limit."""
DEFAULT_REGION: Final = "us-east-1"
PLAN_TAG: Final = "openbourse:plan"
"""Of each key: its plan. The instance's role may make keys with this tag, and remove those that have it."""
THERE_ALREADY: Final = "ConflictException"
GONE: Final = "NotFoundException"


class AwsGatewayKeys:
    """Fits identity.gateway.Maker. Keys are found by their names, so that nothing of AWS's has to be kept."""

    def __init__(self, plan: str, client: Any = None) -> None:
        """Without a client of its own it asks as the environment and the instance's role say."""
        self._client = client or self._new_client()
        self._plan = plan

    @staticmethod
    def _new_client() -> Any:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        retries: Any = {"max_attempts": ATTEMPTS, "mode": "standard"}
        limits = Config(connect_timeout=CALL_S, read_timeout=CALL_S, retries=retries)
        return boto3.client("apigateway", config=limits, region_name=region)

    async def make(self, user_id: int, value: str) -> None:
        """Have a user's key be in the plan, with this value; harmless when it is. Raises ConnectionError."""
        await asyncio.to_thread(self._told, self._make, user_id, value)

    async def remove(self, user_id: int) -> None:
        """Have no key of a user be there; harmless when there is none. Raises ConnectionError."""
        await asyncio.to_thread(self._told, self._remove, user_id)

    def _told(self, work: Any, *values: object) -> None:
        try:
            work(*values)
        except (BotoCoreError, ClientError) as fault:
            code = fault.response["Error"]["Code"] if isinstance(fault, ClientError) else type(fault).__name__
            # Nothing more of it: a fault may show what was sent.
            raise ConnectionError(f"API Gateway: {code}") from None

    def _make(self, user_id: int, value: str) -> None:
        name = self._name(user_id)
        for key in list(self._found(name)) or self._new(name, value):
            try:
                self._client.create_usage_plan_key(usagePlanId=self._plan, keyId=key, keyType="API_KEY")
            except ClientError as fault:
                if fault.response["Error"]["Code"] != THERE_ALREADY:
                    raise

    def _new(self, name: str, value: str) -> list[str]:
        try:
            made = self._client.create_api_key(
                name=name, description="of a user", enabled=True, value=value, tags={PLAN_TAG: self._plan}
            )
            return [made["id"]]
        except ClientError as fault:
            # Another process was faster; a value under another name is nobody's success.
            there = list(self._found(name))
            if fault.response["Error"]["Code"] != THERE_ALREADY or not there:
                raise
            return there

    def _remove(self, user_id: int) -> None:
        for key in list(self._found(self._name(user_id))):
            try:
                self._client.delete_api_key(apiKey=key)
            except ClientError as fault:
                if fault.response["Error"]["Code"] != GONE:
                    raise

    def _found(self, name: str) -> Iterator[str]:
        """Yield ids of keys with exactly this name: the service looks for names that begin so."""
        asked: dict[str, Any] = {"nameQuery": name, "limit": PAGE, "includeValues": False}
        while True:
            page = self._client.get_api_keys(**asked)
            yield from (each["id"] for each in page["items"] if each["name"] == name)
            if not page.get("position"):
                return
            asked["position"] = page["position"]

    def _name(self, user_id: int) -> str:
        return f"openbourse-{self._plan}-{user_id}."
