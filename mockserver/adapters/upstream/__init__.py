"""The upstream: requests passed through to the real API and its answers passed back live, a room for each noun there."""

from mockserver.adapters.upstream.client import Client
from mockserver.adapters.upstream.relay import Relay, Taken

__all__ = ["Client", "Relay", "Taken"]
