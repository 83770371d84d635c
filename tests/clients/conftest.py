"""Environments of their own for third-party clients, made once a run."""

import pytest

from tests.published import ClientEnvironment


@pytest.fixture(scope="session")
def environments() -> dict[str, ClientEnvironment]:
    """Return the environments made so far, by name."""
    return {}
