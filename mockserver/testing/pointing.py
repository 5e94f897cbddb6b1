"""How clients are pointed at a test's session: base URL and key.

This room decides what a client is given. It must not know where the session is.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from mockserver.testing.seat import Seat
    from mockserver.testing.sharing.seat import SharedSeat
    from mockserver.testing.tape import Tape

KEY: Final = "mock"
"""The API key for clients where any is accepted."""


class ClientKwargs(TypedDict):
    """What an official client is made with."""

    base_url: str
    api_key: str


class Pointing(ABC):
    """What a test gives its clients."""

    _tape: Tape | None

    @property
    @abstractmethod
    def _seat(self) -> Seat | SharedSeat: ...

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        return self._seat.base_url

    @property
    def url(self) -> str:
        """The same without `/v1`."""
        return self.base_url.removesuffix("/v1")

    @property
    def api_key(self) -> str:
        """A key that is accepted; while something is recorded, the one in `OPENAI_API_KEY`."""
        own = os.environ.get("OPENAI_API_KEY", "") if self._tape is not None and self._tape.plan.records else ""
        return own or (*self._seat.keys, KEY)[0]

    @property
    def client_kwargs(self) -> ClientKwargs:
        """What an official client is made with: `OpenAI(**mockserver.client_kwargs)`, `AsyncOpenAI(...)` likewise."""
        return {"base_url": self.base_url, "api_key": self.api_key}
