"""`explain` and `render`: one request asked without a server, and what comes of it.

This room decides how a verdict and an answer are printed. It must not decide either: the engine that serves does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mockserver.cli import FINE, FOUND, UNCHECKED
from mockserver.cli.serving import read_settings, setting_options
from mockserver.core.errors import SettingError

if TYPE_CHECKING:
    from mockserver.core.engine import Engine, Play
    from mockserver.core.messages import Request
    from mockserver.core.rules.book import RuleReport
    from mockserver.settings import Settings

_SETTINGS: Final = ("dialect", "validate", "lenient", "allow_params", "on_miss", "seed", "speed", "now", "catalogue")


_REFUSED: Final = "refused before any rule"


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both commands take."""
    for decorate in (
        setting_options(*_SETTINGS),
        click.option("--path", default="/v1/responses", show_default=True, help="The path asked for."),
        click.option("--method", default="POST", show_default=True, help="The method."),
        click.option("-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header to send."),
        click.option("--body", required=True, metavar="FILE|-", help="The request body, as JSON."),
        click.argument("rules", nargs=-1, type=click.Path()),
    ):
        command = decorate(command)
    return command


@click.command("explain")
@_asking
@click.pass_context
def explain(
    ctx: click.Context,
    /,
    rules: tuple[str, ...],
    body: str,
    headers: tuple[str, ...],
    method: str,
    path: str,
    **flags: Any,
) -> None:
    """Say which of RULES would answer a request, and why not the others.

    Exits with 1 where none would, and where the request is refused before rules are asked.
    """
    from mockserver.core.rules.book import Standing

    settings = read_settings(flags)
    engine = _engine(settings, rules)
    request = _request(engine, method, path, headers, _read(body))
    objections = list(_objections(engine, request))
    for line in objections:
        click.echo(line)
    fresh = Standing(hit=1)
    reports = engine.book.explain(request, lambda rule: fresh)
    winner = next((report for report in reports if report.ok), None)
    for report in reports:
        for line in _verdict(report, report is winner):
            click.echo(line)
    if winner is None:
        click.echo("no rule answers this request" if reports else "there are no rules")
        ctx.exit(FOUND)
    if any(line.startswith(_REFUSED) for line in objections):
        click.echo(f"refused; a valid request would be answered by {winner.rule.label}")
        ctx.exit(FOUND)
    click.echo(f"answered by {winner.rule.label}")


def _objections(engine: Engine, request: Request) -> Iterator[str]:
    """Yield why the request would be refused, or reported, before any rule is asked."""
    if request.method != "POST" or request.path != "/v1/responses":
        return
    error = engine.sessions.find("default").validator.refuse_body(request)
    if error is not None:
        yield f"{_REFUSED}: {error.status} {error.body['error']['message']}"
        return
    word = f"{_REFUSED}: 400" if engine.options.validate == "enforce" else "reported:"
    for violation in engine.sessions.find("default").validator.violations(request):
        yield f"{word} {violation.message}"


def _verdict(report: RuleReport, winner: bool) -> Iterator[str]:
    from mockserver.core.rules.misses import tell

    word = "ok   " if report.ok else "FAIL "
    yield f"{word}{report.rule.label}{'  <- answers' if winner else ''}"
    for condition in report.conditions:
        if condition.ok is False:
            yield from (f"  FAIL  {tell(mismatch)}" for mismatch in condition.mismatches)
        else:
            yield f"  {'ok  ' if condition.ok else '?   '}  {condition.path}"


@click.command("render")
@_asking
@click.option("--as", "form", type=click.Choice(["events", "sse", "json"]), required=True, help="Which form.")
@click.pass_context
def render(
    ctx: click.Context,
    /,
    rules: tuple[str, ...],
    body: str,
    headers: tuple[str, ...],
    method: str,
    path: str,
    form: str,
    **flags: Any,
) -> None:
    """Print the answer of RULES to a request, whatever its `stream` says.

    As `sse`, the exact bytes of the stream; as `json`, the response object; as `events`, a rule with the same events
    written out, to be edited.
    """
    from mockserver.core.engine import Forward

    settings = read_settings(flags)
    engine = _engine(settings, rules)
    sent = _with_stream(_read(body), form != "json")
    now = time.time() if settings.now is None else settings.now

    def ask(engine: Engine) -> Play:
        decision = engine.answer(_request(engine, method, path, headers, sent), now)
        if isinstance(decision, Forward):
            click.echo(f"mockserver: the upstream {settings.upstream} answers this request", err=True)
            ctx.exit(FOUND)
        return decision

    play = ask(engine)
    exchange = play.exchange
    for note in exchange.notes:
        click.echo(f"mockserver: note: {note}", err=True)
    if exchange.kind == "miss":
        click.echo(exchange.miss, err=True)
        ctx.exit(FOUND)
    if exchange.kind not in ("json", "stream") or (form != "json" and exchange.kind != "stream"):
        asked_for = form == "json" and exchange.rule  # an error that a rule gives is its answer
        lack = "" if form == "json" else " and no events"
        click.echo(f"mockserver: the answer has status {exchange.status}{lack}", err=True)
        _write(_body(play))
        ctx.exit(FINE if asked_for else FOUND)
    if form == "events":
        click.echo("\n".join(_as_rule(play, ask, settings)))
    elif form == "sse":
        _write(_body(play))
    else:
        click.echo(json.dumps(json.loads(_body(play)), indent=2, ensure_ascii=False))
    ctx.exit(FINE)


def _as_rule(play: Play, ask: Callable[[Engine], Play], settings: Settings) -> list[str]:
    """Return the lines of a rule file whose one rule gives the same events; `ask` tells what an engine answers."""
    from mockserver.core.rulefiles.rulefile import parse
    from mockserver.core.rulefiles.written import lines, spell
    from mockserver.core.rules.misses import suggestion

    top, when = suggestion(play.exchange.request)[:2]
    faults = _last_fault(play)

    def rule(entries: Sequence[Any]) -> list[str]:
        reply = ["    reply:", "      events:", *(f"        {line}" for line in lines(entries)), *faults]
        # What the API would never send has to say that it is meant; without an end, it is a stream only.
        streamed = f"{when[:-1]}{'' if when.endswith('{}') else ', '}stream: true}}"
        heads = ([when], [when, "    allow_invalid: true"], [streamed], [streamed, "    allow_invalid: true"])
        texts = [[top, *head, *reply] for head in heads]
        return next((text for text in texts if parse("\n".join(text), "").usable), texts[-1])

    def becomes(entries: Sequence[Any]) -> list[Mapping[str, Any]]:
        return _events(ask(_engine_of(settings, "\n".join(rule(entries)))))

    return rule(spell(_events(play), play.exchange.planned, becomes))


def _last_fault(play: Play) -> list[str]:
    """Return the line of a reply whose fault ends the stream as this play ends it; no line for a proper end."""
    from mockserver.core.timeline import Chunk, Cut, Reset, Stall

    steps = play.timeline.steps
    name = {Cut: "cut", Reset: "reset", Stall: "stall"}.get(type(steps[-1])) if steps else None
    sent = sum(step.events for step in steps if isinstance(step, Chunk))
    return [f"      faults: [{{{name}: {{after: {{events: {sent}}}}}}}]"] if name else []


def _events(play: Play) -> list[Mapping[str, Any]]:
    """Return the data of the events that a play sends; nothing where it is no stream of JSON events."""
    from mockserver.core.sse import decode

    if play.exchange.kind != "stream":
        return []
    found: list[Mapping[str, Any]] = []
    for frame in decode(_body(play)):
        try:
            data = json.loads(frame.data or "")
        except ValueError:
            continue
        if isinstance(data, dict):
            found.append(data)
    return found


def _engine(settings: Settings, rules: Sequence[str]) -> Engine:
    from mockserver.adapters import disk
    from mockserver.assembly import build_engine, rule_paths

    return build_engine(settings, disk.load_rules(rule_paths(settings, rules)))


def _engine_of(settings: Settings, text: str) -> Engine:
    """Return an engine that answers from this text of a rule file alone."""
    from mockserver.adapters.disk import load_dialect
    from mockserver.core.engine import Engine
    from mockserver.core.options import Options
    from mockserver.core.rulefiles.rulefile import parse
    from mockserver.core.rules.book import RuleBook

    options = Options(seed=settings.seed, validate="off")
    return Engine(RuleBook(parse(text, "").rules), load_dialect(settings.dialect), options)


def _request(engine: Engine, method: str, path: str, headers: Sequence[str], body: bytes) -> Request:
    """Return the request as a client would send it, with an accepted key unless a header says otherwise."""
    from mockserver.core.messages import Request

    sent = {"content-type": "application/json"}
    keys = (*engine.auth_keys, *engine.options.auth_keys)
    if keys:
        sent["authorization"] = f"Bearer {keys[0]}"
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise SettingError(f"--header: expected NAME:VALUE, got {header!r}")
        sent[name.strip().lower()] = value.strip()
    return Request(method.upper(), path, headers=sent, body=body)


def _read(body: str) -> bytes:
    """Return the bytes of a file, or of stdin for `-`; end with exit code 3 where they cannot be read."""
    try:
        return sys.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
    except OSError as error:
        click.echo(f"mockserver: cannot read {body}: {error.strerror or error}", err=True)
        click.get_current_context().exit(UNCHECKED)


def _with_stream(body: bytes, stream: bool) -> bytes:
    """Return the body asking for a stream or not; unchanged where it says so already, or is no JSON object."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict) or bool(document.get("stream")) is stream:
        return body
    return json.dumps({**document, "stream": stream}, ensure_ascii=False).encode()


def _body(play: Play) -> bytes:
    """Return the body bytes that a play sends before it ends."""
    from mockserver.core.timeline import Chunk

    return b"".join(step.data for step in play.timeline.steps if isinstance(step, Chunk))


def _write(body: bytes) -> None:
    """Write bytes as they are: no change of line ends."""
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    if body and not body.endswith(b"\n"):
        sys.stdout.buffer.write(os.linesep.encode())
    sys.stdout.buffer.flush()
