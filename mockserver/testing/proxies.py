"""Proxies: clients that read the environment must not take the way to a server on this machine through one.

This room decides what `NO_PROXY` says meanwhile. It must not know servers.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

PROXIES: Final = ("http_proxy", "all_proxy")
EXEMPT: Final = ("NO_PROXY", "no_proxy")


class Bypass:
    """Exempts a host from proxies from `begin` until `end`; without a proxy it changes nothing."""

    def __init__(self, host: str, environ: MutableMapping[str, str] | None = None) -> None:
        self._host = host
        self._environ = os.environ if environ is None else environ
        self._changed: dict[str, tuple[str | None, str]] = {}

    def begin(self) -> None:
        """Add the host to the hosts that are reached directly."""
        if not any(self._environ.get(name) or self._environ.get(name.upper()) for name in PROXIES):
            return
        known = ",".join(filter(None, (self._environ.get(name, "") for name in EXEMPT)))
        hosts = dict.fromkeys(part.strip() for part in known.split(",") if part.strip())
        if self._host in hosts or "*" in hosts:
            return
        for name in EXEMPT:  # clients differ in which one they look at
            value = ",".join((*hosts, self._host))
            self._changed[name] = (self._environ.get(name), value)
            self._environ[name] = value

    def end(self) -> None:
        """Put back what was there before, unless somebody has changed it meanwhile."""
        for name, (before, ours) in self._changed.items():
            if self._environ.get(name) == ours:
                if before is None:
                    del self._environ[name]
                else:
                    self._environ[name] = before
        self._changed.clear()
