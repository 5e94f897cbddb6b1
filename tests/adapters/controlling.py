"""A server to be controlled in tests, and the control API as a program in any language sees it."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import control
from mockserver.adapters.disk import load_dialect
from mockserver.adapters.server import Server, bind
from mockserver.assembly import judged
from mockserver.core.engine import Engine
from mockserver.core.options import Options
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.book import RuleBook

NOON = 1_769_860_800.0
"""What the server's clock shows: 2026-01-31T12:00:00Z."""

YAML = {"content-type": "application/yaml"}


_dialect = functools.cache(lambda: load_dialect("standard"))
"""Its schemas are compiled once."""


@dataclass(frozen=True)
class Controlled:
    """A running server; `tell` asks its control API, `ask` its `/v1/responses`."""

    url: str
    engine: Engine

    def tell(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, root: str = "/_mock"
    ) -> tuple[int, Any]:
        """Return status and JSON (or text) of an answer; a body that is no text is sent as JSON."""
        sent = {"content-type": "application/json", **(headers or {})}
        data = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, root + path, data.encode() if isinstance(data, str) else data, sent)
            answer = connection.getresponse()
            content = answer.read()
            kind = answer.headers.get("content-type", "")
            return answer.status, json.loads(content) if kind == "application/json" else content.decode()

    def done(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Return the JSON of an answer that must be a success."""
        status, told = self.tell(method, path, body, headers)
        assert status < 300, told
        return told

    def refused(
        self, status: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> str:
        """Return the message of an answer that must be this refusal, in the provider's shape."""
        found, told = self.tell(method, path, body, headers)
        assert found == status, told
        assert set(told["error"]) == {"message", "type", "param", "code"}
        return str(told["error"]["message"])

    def ask(self, text: str = "hi", session: str = "", **fields: Any) -> tuple[int, str]:
        """Return status and output text (or error message) of an answer."""
        path = f"/s/{session}/v1/responses" if session else "/v1/responses"
        status, told = self.tell("POST", path, {"model": "m", "input": text, **fields}, root="")
        return status, told["output"][0]["content"][0]["text"] if status == 200 else told["error"]["message"]


@contextlib.contextmanager
def controlled(text: str = "rules: []", **options: Any) -> Iterator[Controlled]:
    """Serve the text of a rule file under `/_mock` control, at noon for ever."""
    file = parse(text, "server")
    assert file.usable, file.problems
    book = RuleBook(file.rules, [file.otherwise] if file.otherwise else [])
    engine = Engine(book, _dialect(), Options(**options))
    clock = SystemClock(NOON)
    app = App(engine, clock, control=control(engine, now=clock.now, report=judged))
    with Server(app, bind(), grace=0.1) as server:
        yield Controlled(server.url, engine)
