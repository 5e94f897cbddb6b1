"""The variables by which official clients find a server, set and put back.

This room decides which those are. It must not know when they are set.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping
from typing import Final

KEY: Final = "mock"
"""The API key that clients are given where any is accepted."""

LOOPBACK: Final = ("127.0.0.1", "localhost")


class Environment:
    """Points clients at a server from `set` on, until `restore`: variables are then as they were before."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._before: dict[str, str | None] = {}

    @property
    def is_set(self) -> bool:
        """Whether clients are pointed at a server."""
        return bool(self._before)

    def set(self, base_url: str, key: str) -> None:
        """Point clients at `base_url`, with a key that need not be real, past any proxy. A second time changes nothing."""
        if self.is_set:
            return
        hosts = (*LOOPBACK, _host(base_url))
        values = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key, "NO_PROXY": self._past("NO_PROXY", hosts)}
        if "no_proxy" in self._environ:  # where both are set, many clients look at this one alone
            values["no_proxy"] = self._past("no_proxy", hosts)
        for name, value in values.items():
            self._before[name] = self._environ.get(name)
            self._environ[name] = value

    def restore(self) -> None:
        """Put back what was there before."""
        for name, value in self._before.items():
            if value is None:
                self._environ.pop(name, None)
            else:
                self._environ[name] = value
        self._before.clear()

    def _past(self, name: str, hosts: Iterable[str]) -> str:
        given = self._environ.get(name) or self._environ.get("NO_PROXY", "")
        before = [host for host in (part.strip() for part in given.split(",")) if host]
        return ",".join(dict.fromkeys((*before, *hosts)))


def _host(url: str) -> str:
    """Return the host of a URL of ours, without its port."""
    netloc = url.partition("//")[2].partition("/")[0]
    host = netloc.rpartition(":")[0] if netloc.rpartition(":")[2].isdigit() else netloc
    return host.strip("[]")
