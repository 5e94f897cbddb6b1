"""`log`: what was asked of a running server, told by its control application.

This room decides how a journal entry reads on a terminal. It must not need anything but an HTTP client of the standard
library: the server may be an older or a newer one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import click

from mockserver.cli import FINE, FOUND, UNCHECKED
from mockserver.settings import SETTINGS, TOKEN, Settings

PAUSE: Final = 0.5
"""Seconds between two looks with `--follow`."""


@click.command("log")
@click.option("-f", "--follow", is_flag=True, help="Go on as requests come in, until interrupted.")
@click.option("--misses", is_flag=True, help="Only requests that no rule matched; exit with 1 if there are any.")
@click.option("--session", metavar="NAME", default="", help="Only this session.")
@click.option("--url", metavar="URL", help="The server, as it says when it is ready. Default: http://127.0.0.1:8080.")
@click.option("--token", metavar="TOKEN", envvar=TOKEN, default="", help=f"Needed from other machines.  [{TOKEN}]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: one object a line.")
@click.pass_context
def log(
    ctx: click.Context, /, follow: bool, misses: bool, session: str, url: str | None, token: str, form: str
) -> None:
    """Show what was asked of a running server, oldest first."""
    asked = {"misses": "1"} if misses else {}
    if session:
        asked["session"] = session
    found = False
    try:
        for entry in _entries(_origin(url), asked, token, follow):
            found = True
            click.echo(json.dumps(entry, ensure_ascii=False) if form == "json" else line(entry))
            sys.stdout.flush()
    except KeyboardInterrupt:
        ctx.exit(FINE)
    ctx.exit(FOUND if misses and found else FINE)


def _origin(url: str | None) -> str:
    """Return scheme and host of what people paste: the base URL, a session's, or the bare address."""
    if url is None:
        import os

        settings = Settings.read({}, {key: os.environ.get(key, "") for key in (_HOST, _PORT)})
        return f"http://{settings.host}:{settings.port}"
    parts = urlsplit(url if "//" in url else f"http://{url}")
    return f"{parts.scheme}://{parts.netloc}"


_HOST: Final = SETTINGS["host"].variable
_PORT: Final = SETTINGS["port"].variable


def _entries(origin: str, asked: Mapping[str, str], token: str, follow: bool) -> Iterator[Mapping[str, Any]]:
    """Yield journal entries, oldest first, and new ones for ever if wanted."""
    cursor = ""
    while True:
        page = _get(f"{origin}/_mock/requests?{urlencode({**asked, 'after': cursor})}", token)
        yield from page["requests"]
        cursor = page.get("next", cursor)
        if not follow:
            return
        time.sleep(PAUSE)


def _get(url: str, token: str) -> Any:
    """Return the JSON behind a URL of this machine's server; end with exit code 3 where it cannot be had."""
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, Request, build_opener

    request = Request(url, headers={"authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - the user's own
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)
    except HTTPError as error:
        _give_up(f"{url}: {error.code} {_why(error.read())}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason
        _give_up(f"no mockserver answers at {urlsplit(url).netloc}: {reason} (`--url` names another place)")


def _why(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "(this does not look like a mockserver)"


def _give_up(text: str) -> None:
    click.echo(f"mockserver: {text}", err=True)
    click.get_current_context().exit(UNCHECKED)


def line(entry: Mapping[str, Any]) -> str:
    """Return an entry as the access log shows it, a miss with its explanation below."""
    moment = float(entry["time"])
    words = [
        f"{time.strftime('%H:%M:%S', time.localtime(moment))}.{int(moment * 1000) % 1000:03d}",
        entry["session"],
        entry["method"],
        entry["path"],
        str(entry["status"]),
        entry["kind"],
        entry["place"],
        f'"{entry["rule"]}"' if entry["rule"] not in ("", entry["place"]) else "",
        _events(entry),
        f"{entry['duration_ms']:.0f}ms" if entry["ended"] else "",
        entry["ended"] or "open",
    ]
    below = [f"  {violation['message']}" for violation in entry["violations"]]
    word = "" if entry["kind"] == "rejection" else "note: "
    below += [f"  {word}{note}" for note in entry["notes"]]
    below += [f"  {text}" for text in entry["miss"].splitlines()]
    return "\n".join([" ".join(_printable(word) for word in words if word), *map(_printable, below)])


def _events(entry: Mapping[str, Any]) -> str:
    """Return how many events there were; where the end came early, how many of them were sent."""
    sent = len(entry.get("sent_ms") or ())
    cut_short = entry["ended"] not in ("", None, "complete") and sent < entry["events"]
    return f"{sent}/{entry['events']}ev" if cut_short else f"{entry['events']}ev" if entry["events"] else ""


def _printable(text: str) -> str:
    """Return text that cannot steer the terminal; what a client sends is not ours."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
