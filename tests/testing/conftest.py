"""One server for all of these tests, and a session of their own for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from mockserver.testing.host import Host
from mockserver.testing.server import MockServer


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A running server."""
    shared = Host()
    shared.start()
    yield shared
    shared.stop()


@pytest.fixture
def server(host: Host) -> Iterator[MockServer]:
    """A session whose verdict is the test's own business."""
    with MockServer(host=host, check=False) as made:
        yield made


@pytest.fixture
def client(server: MockServer) -> Iterator[OpenAI]:
    """The official client, pointed at that session."""
    with OpenAI(**server.client_kwargs) as made:
        yield made
