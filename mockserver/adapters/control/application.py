"""The control application: its routes, its errors, and the life span of the server.

This room decides what stands at which path. It must not know how answers are made, nor what the routes do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route

from mockserver.adapters.control.aliases import Aliases
from mockserver.adapters.control.answers import Refused, answer, refusal
from mockserver.adapters.control.clock import Clocks
from mockserver.adapters.control.guards import objection
from mockserver.adapters.control.journal import Requests
from mockserver.adapters.control.rules import Rules
from mockserver.adapters.control.served import Report, Served
from mockserver.adapters.control.sessions import Sessions
from mockserver.adapters.line import Application, Receive, Scope, Send
from mockserver.core.engine import Engine
from mockserver.core.errors import nearest

ROOT: Final = "/_mock"
HEALTH: Final = f"{ROOT}/health"
ONE: Final = f"{ROOT}/sessions/{{name}}"
ALIAS: Final = f"{ROOT}/aliases/{{name}}"

REVISION: Final = 2
"""Told by the health: what a test elsewhere can ask for. 2: aliases, parts of rules, whole exchanges, testimonies."""

Background = Callable[[], Coroutine[Any, Any, None]]
Handler = Callable[[Asked], Awaitable[Response]]


def control(
    engine: Engine,
    *,
    token: str = "",
    background: Sequence[Background] = (),
    version: str = "",
    now: Callable[[], float] = time.time,
    report: Report | None = None,
    examples: bool = False,
) -> Application:
    """Return the application for `/_mock` and the life span; `background` runs while the server does.

    `token` lets requests from other machines in; without one only this machine is served. `version` is told by
    `/_mock/health`. `now` is the server's time of day; `report` judges a session; without one nobody does. `examples`: the
    server's rules are those that are served where none are given.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work()) for work in background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def health(_: Asked) -> Response:
        return answer({"status": "ok", "version": version, "control": REVISION})

    paths: dict[str, dict[str, Handler]] = {HEALTH: {"GET": health}, **routes(Served(engine, now, report, examples))}

    async def http_error(asked: Asked, error: Exception) -> Response:
        return _http_error(asked, error, list(paths))

    inner = Starlette(
        routes=[Route(path, _by_method(each), methods=list(each)) for path, each in paths.items()],
        exception_handlers={
            Refused: _refused,
            HTTPException: http_error,
            ClientDisconnect: _left,
            500: _broken,
        },
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH:
            why = objection(scope, token)
            if why is not None:
                await refusal(*why)(scope, receive, send)
                return
        await inner(scope, receive, send)

    return guarded


def routes(served: Served) -> dict[str, dict[str, Handler]]:
    """Return every handler but the health's, by path and method."""
    rules = Rules(served)
    sessions, clocks, requests, aliases = Sessions(served, rules), Clocks(served), Requests(served), Aliases(served)
    nouns: dict[str, dict[str, Handler]] = {
        "requests": {"GET": requests.read},
        "rules": {"GET": rules.read, "PUT": rules.replace, "POST": rules.add, "DELETE": rules.clear},
        "clock": {"GET": clocks.read, "POST": clocks.change},
        "reset": {"POST": sessions.reset},
        "report": {"GET": sessions.report, "POST": sessions.judge},
    }
    return {
        **{f"{ROOT}/{noun}": handlers for noun, handlers in nouns.items()},
        f"{ROOT}/sessions": {"GET": sessions.list, "POST": sessions.create},
        ONE: {"GET": sessions.read, "PUT": sessions.put, "DELETE": sessions.end},
        **{f"{ONE}/{noun}": handlers for noun, handlers in nouns.items()},
        ALIAS: {"GET": aliases.read, "PUT": aliases.put, "DELETE": aliases.end},
        f"{ALIAS}/report": {"POST": sessions.overdue},
    }


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    async def handle(asked: Asked) -> Response:
        return await handlers["GET" if asked.method == "HEAD" else asked.method](asked)

    return handle


async def _refused(_: Asked, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response()


def _http_error(asked: Asked, error: Exception, paths: Sequence[str]) -> Response:
    """Answer what no route takes: a path that is not there, or a method that its path does not know."""
    assert isinstance(error, HTTPException)
    path, headers = asked.url.path, error.headers
    if error.status_code == 405:
        allowed = (headers or {}).get("allow") or (headers or {}).get("Allow", "")
        return refusal(405, f"Not allowed: {asked.method} on {path}. Allowed: {allowed}.", headers)
    like = nearest(path.removeprefix(f"{ROOT}/"), [each.removeprefix(f"{ROOT}/") for each in paths])
    there = f"did you mean {ROOT}/{like}?" if like else f"there are {', '.join(paths)}."
    return refusal(error.status_code, f"There is no {path} here; {there}", headers)


async def _left(*_: object) -> Response:
    return Response(status_code=400)  # to nobody: the client left before it had sent everything


async def _broken(*_: object) -> Response:
    return refusal(500, "The mock server itself failed; its log says how.")
