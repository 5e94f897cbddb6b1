"""A real server on a real socket for tests: in a thread of this process, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import control
from mockserver.adapters.disk import load_dialect, load_rules
from mockserver.adapters.server import Server, bind
from mockserver.adapters.watch import install
from mockserver.core.engine import Engine
from mockserver.core.options import Options


@dataclass(frozen=True)
class Live:
    """A running server: its URL and its engine, to look at what it noted."""

    url: str
    engine: Engine

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return self.url + "/v1"

    def session_url(self, name: str) -> str:
        """What a client of one session is given."""
        return f"{self.url}/s/{name}/v1"


@contextlib.contextmanager
def serving(*paths: Path, now: float | None = None, dialect: str = "standard", **options: Any) -> Iterator[Live]:
    """Serve rule files with these engine options; stop when left."""
    rules = load_rules(paths)
    engine = Engine(rules.book, load_dialect(dialect), Options(**options))
    install(engine, rules)
    with Server(App(engine, SystemClock(now), control=control(engine)), bind()) as server:
        yield Live(server.url, engine)
