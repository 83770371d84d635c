"""Objects in S3, or in what speaks like it. Needs the extra `aws`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from openbourse.objects import (
    LISTED_MAX,
    ObjectExists,
    ObjectHead,
    ObjectMissing,
    ObjectsAway,
    checked_body,
    checked_key,
)

CONNECT_S: Final = 3
REQUEST_S: Final = 30
RETRIES_MAX: Final = 3
RETRY_S: Final = 60
CHECKSUM: Final = "SHA256"
"""S3 refuses a body that was changed on the way."""
DEFAULT_REGION: Final = "us-east-1"


class S3Objects:
    """Fits objects.Objects. Credentials are the environment's, the container's or the instance's role, never a setting."""

    def __init__(self, bucket: str, prefix: str, environment: Mapping[str, str]) -> None:
        """The environment is AWS's own: AWS_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID …"""
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
        config: dict[str, Any] = {
            "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
            "checksum_algorithm": CHECKSUM,
            "conditional_put": "etag",
        }
        if endpoint:
            # Whatever stands at an endpoint of one's own seldom has a name for each bucket.
            config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        self._name = f"s3://{bucket}"
        self._prefix = f"{prefix}/" if prefix else ""
        self._store = S3Store(
            bucket,
            config=config,  # type: ignore[arg-type]
            client_options={
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=REQUEST_S),
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
            },
            retry_config={"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_S)},
        )

    async def create(self, key: str, body: bytes) -> None:
        """Write an object, whole or not at all. Raises ObjectExists, ObjectsAway."""
        path = self._prefix + checked_key(key)
        try:
            await obstore.put_async(self._store, path, checked_body(body), mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            raise ObjectExists(key) from None
        except (BaseError, OSError) as fault:
            raise self._away(fault) from None

    async def read(self, key: str) -> bytes:
        """Return an object's bytes. Raises ObjectMissing, ObjectsAway."""
        try:
            found = await obstore.get_async(self._store, self._prefix + checked_key(key))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise ObjectMissing(key) from None
        except (BaseError, OSError) as fault:
            raise self._away(fault) from None

    async def listed(self, folder: str, after: str = "") -> list[ObjectHead]:
        """Return objects below a folder whose keys come after one, by key. Raises ObjectsAway."""
        offset = self._prefix + after if after else None
        try:
            pages = obstore.list(self._store, self._prefix + checked_key(folder), offset=offset, chunk_size=LISTED_MAX)
            async for page in pages:
                return [ObjectHead(meta["path"].removeprefix(self._prefix), meta["size"]) for meta in page]
        except (BaseError, OSError) as fault:
            raise self._away(fault) from None
        return []

    def _away(self, fault: Exception) -> ObjectsAway:
        """Return a fault of ours: the library's own text shows its whole configuration, keys included."""
        return ObjectsAway(f"{self._name}: {type(fault).__name__}")
