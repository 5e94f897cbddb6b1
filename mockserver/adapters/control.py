"""The control application: what a running server tells about itself under `/_mock`, and its life span.

This room decides who may ask, and how the journal looks as JSON. It must not know how answers are made. A web page that a
browser shows must never get in, even when its name resolves to this machine: the host asked for must be a loopback one.
Requests from other machines need the token. Writes (none yet) also need a JSON content type, so that no form can make one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import orjson
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route

from mockserver.adapters.asgi import bounded
from mockserver.adapters.line import Application, Receive, Scope, Send
from mockserver.core import catalogue
from mockserver.core.engine import Engine
from mockserver.core.journal import Entry
from mockserver.core.messages import ABSENT

MASK: Final = "***"
SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
SECRET_WORDS: Final = ("token", "secret", "key", "password", "credential")
"""A header whose name holds one of these is masked too."""

READS: Final = frozenset({"GET", "HEAD"})

Background = Callable[[], Coroutine[Any, Any, None]]


def control(
    engine: Engine, *, token: str = "", background: Sequence[Background] = (), version: str = ""
) -> Application:
    """Return the application for `/_mock` and the life span; `background` runs while the server does.

    `token` lets requests from other machines in; without one only this machine is served. `version` is told by
    `/_mock/health`.
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
        return answer({"status": "ok", "version": version})

    async def requests(asked: Asked) -> Response:
        session = bounded(asked.query_params.get("session") or asked.scope.get("mockserver.session", ""))
        try:
            limit = int(asked.query_params.get("limit", "0"))
            seen = read_cursor(asked.query_params.get("after", ""))
        except ValueError as error:
            return refusal(400, f"Invalid query: {error}.")
        misses = asked.query_params.get("misses", "0") not in ("", "0", "false")
        chosen, cursor = select(engine, session, seen, misses=misses, limit=limit)
        # Bodies may weigh megabytes: they are written out beside the loop, so that no timed stream waits for them.
        body = await asyncio.to_thread(lambda: render(chosen, cursor))
        return Response(body, media_type="application/json")

    async def unknown(asked: Asked, _: Exception) -> Response:
        return refusal(404, f"There is no {asked.url.path} here; there are /_mock/health and /_mock/requests.")

    async def not_allowed(asked: Asked, _: Exception) -> Response:
        return refusal(405, f"Not allowed: {asked.method} on {asked.url.path}.", (("allow", "GET, HEAD"),))

    async def broken(_: Asked, error: Exception) -> Response:
        return refusal(500, "The mock server itself failed; its log says how.")

    inner = Starlette(
        routes=[Route("/_mock/health", health), Route("/_mock/requests", requests)],
        exception_handlers={404: unknown, 405: not_allowed, 500: broken},
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/_mock/health":
            why = objection(scope, token)
            if why:
                status = 415 if why.startswith("Unsupported") else 403
                await refusal(status, why)(scope, receive, send)
                return
        await inner(scope, receive, send)

    return guarded


def objection(scope: Scope, token: str) -> str:
    """Return why this request may not use the control application, "" when it may."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get("origin")
    if origin is not None and not is_loopback(host_of(origin)):
        return "Requests from web pages of other origins are refused."
    if not (
        token and hmac.compare_digest(headers.get("authorization", "").encode("latin-1"), f"Bearer {token}".encode())
    ):
        client = scope.get("client")
        if client is not None and not is_loopback(client[0]):
            return "From another machine this needs the token, as 'Authorization: Bearer TOKEN'."
        if not is_loopback(host_of("//" + headers.get("host", ""))):
            return "The Host header must name this machine as localhost or 127.0.0.1."
    if scope["method"] not in READS and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "Unsupported content type: send 'application/json'."
    return ""


def host_of(url: str) -> str | None:
    """Return the host that a URL names, None where it names none or is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_loopback(host: str | None) -> bool:
    """Say whether a host name or address means this machine, without asking any name server."""
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def select(
    engine: Engine, session: str, seen: Mapping[str, int], *, misses: bool, limit: int
) -> tuple[list[Entry], dict[str, int]]:
    """Return journal entries, oldest first, and the cursor after them. `session` "" means all of them.

    `seen` holds the last number seen by session; under "" for every session. With `limit` above 0: the newest that many,
    or the next that many where something was seen already.
    """
    names = [session] if session else engine.sessions.names
    entries = [
        entry
        for name in names
        if (found := engine.sessions.peek(name)) is not None
        for entry in found.journal.entries(after=seen.get(name, seen.get("", 0)), misses=misses)
    ]
    entries.sort(key=lambda entry: entry.exchange.arrived)
    if limit > 0:
        entries = entries[:limit] if seen else entries[-limit:]
    cursor = dict(seen)
    for entry in entries:
        name = entry.exchange.request.session
        cursor[name] = max(entry.number, cursor.get(name, 0))
    return entries, cursor


def read_cursor(text: str) -> dict[str, int]:
    """Return the numbers of an `after`: `12` for every session, or what `next` said before. Raises `ValueError`."""
    if text.isascii() and text.isdigit():
        return {"": int(text)}
    seen = {}
    for part in filter(None, text.split(",")):
        name, colon, number = part.rpartition(":")
        if not (colon and number.isascii() and number.isdigit()):
            raise ValueError("'after' takes a number, or the value of 'next' in an earlier answer")
        seen[unquote(name)] = int(number)
    return seen


def render(entries: Sequence[Entry], cursor: Mapping[str, int]) -> bytes:
    """Return the answer to `GET /_mock/requests`. `next` is what to give as `after` to go on from here."""
    following = ",".join(f"{quote(name, safe='')}:{number}" for name, number in cursor.items())
    return orjson.dumps({"requests": [as_json(entry) for entry in entries], "next": following})


def as_json(entry: Entry) -> dict[str, Any]:
    """Return one journal entry as it is told. Offsets and durations are milliseconds."""
    exchange, ending = entry.exchange, entry.ending
    request = exchange.request
    body = request.unread().json  # read from a copy: the journal keeps bytes, what is read from them weighs far more
    return {
        "number": entry.number,
        "time": exchange.arrived,
        "session": request.session,
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": masked(request.headers),
        "body": request.body.decode("utf-8", "replace") if body is ABSENT else body,
        "status": exchange.status,
        "kind": exchange.kind,
        "rule": exchange.rule,
        "place": exchange.place,
        "events": exchange.events,
        "planned_ms": [round(at, 3) for at in exchange.planned],
        "sent_ms": [round(at, 3) for at in ending.sent_at] if ending else None,
        "ended": ending.end if ending else None,
        "duration_ms": round(ending.duration_ms, 3) if ending else None,
        "miss": exchange.miss,
        "violations": [
            {"message": each.message, "code": each.code, "param": each.param} for each in exchange.violations
        ],
        "notes": exchange.notes,
    }


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers without the values of those that carry secrets; an authorization keeps its scheme."""
    shown = {}
    for name, value in headers.items():
        if name == "authorization" and " " in value:
            shown[name] = f"{value.partition(' ')[0]} {MASK}"
        elif name in SECRET_HEADERS or any(word in name for word in SECRET_WORDS):
            shown[name] = MASK
        else:
            shown[name] = value
    return shown


def answer(value: Any) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(value), media_type="application/json")


def refusal(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return an error in the provider's shape."""
    body = orjson.dumps(catalogue.custom(status, message=message).body)
    return Response(body, status, dict(headers), media_type="application/json")
