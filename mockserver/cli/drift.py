"""`diff`: whether the real API still answers as it was recorded.

This room decides what is asked before anything is sent, what is told while it goes on, and the exit code. It must not know
what a difference is (`core.recordings.drift` does), nor how a request is sent.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from mockserver.adapters import voice
from mockserver.cli import FINE, FOUND, MISUSED, UNCHECKED
from mockserver.cli.differences import PRINTERS, Row
from mockserver.cli.serving import read_settings, setting_options
from mockserver.core.errors import SettingError

if TYPE_CHECKING:
    from mockserver.adapters.upstream.client import Client
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.recordings.drift.comparison import Result
    from mockserver.core.recordings.drift.resends import Resend

KEY: Final = "OPENAI_API_KEY"

INTERRUPTED: Final = "interrupted"


@click.command("diff")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(), metavar="RECORDINGS...")
@setting_options("upstream", "upstream_timeout", "upstream_ca", "trust_env")
@click.option("--key-env", metavar="NAME", help=f"The variable that holds the API key. Default: {KEY}.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header to send with each request."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="How many files at once.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option("--strict", is_flag=True, help="Count what the model chose otherwise as drift, too.")
@click.option("--update", is_flag=True, help="Put what came now in the place of recordings that drifted.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="How to print it."
)
@click.pass_context
def diff(
    ctx: click.Context,
    /,
    recordings: tuple[str, ...],
    key_env: str | None,
    headers: tuple[str, ...],
    jobs: int,
    yes: bool,
    strict: bool,
    update: bool,
    form: str,
    **flags: Any,
) -> None:
    """Send recorded requests again, and say where the answers have another structure.

    Words, ids, times and counts are no differences. What the model chose otherwise (another tool, a refusal) is shown, and
    counts with `--strict`. Exits with 1 for drift that was not rewritten, else 3 where something could not be checked,
    else 0.
    """
    from mockserver.adapters.upstream.client import Client

    settings = read_settings(flags)
    if settings.upstream is None:
        raise SettingError(
            "diff needs --upstream URL, such as https://api.openai.com/v1: that is where it sends requests"
        )
    sent = _sent(key_env, headers)
    client = Client(
        settings.upstream, timeout=settings.upstream_timeout, ca=settings.upstream_ca, trust_env=settings.trust_env
    )
    resends = _read(recordings)
    if not resends:
        voice.say(sys.stderr, f"mockserver: there are no recordings in {', '.join(recordings)}\n")
        ctx.exit(UNCHECKED)
    if not yes:
        _ask(ctx, resends, str(settings.upstream))
    rows = _check(resends, client, sent, jobs)
    counted = ("drift", "behaviour") if strict else ("drift",)
    if update:
        rows = [_rewritten(row) if row.result.state in counted else row for row in rows]
    PRINTERS[form](rows, str(settings.upstream))
    left = {row.result.state for row in rows if not row.rewritten}
    if left.intersection(counted):
        ctx.exit(FOUND)
    ctx.exit(UNCHECKED if "unchecked" in left else FINE)


def _sent(key_env: str | None, given: Sequence[str]) -> Mapping[str, str]:
    """Return the headers of every request."""
    sent = {}
    key = os.environ.get(key_env or KEY, "").strip()
    if key:
        sent["authorization"] = f"Bearer {key}"
    elif key_env:
        raise SettingError(f"--key-env: the variable {key_env} is not set")
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise SettingError(f"--header: expected NAME:VALUE, got {header!r}")
        sent[name.strip().lower()] = value.strip()
    if "authorization" not in sent:
        voice.say(sys.stderr, f"mockserver: {KEY} is not set: sending without a key\n")
    for name, value in sent.items():
        if not (name + value).isascii() or not value.isprintable():
            raise SettingError(f"the header {name} holds characters that no header can carry")
    return sent


def _read(paths: Sequence[str]) -> list[Resend]:
    """Return the recordings of some files and folders, in file order."""
    from mockserver.adapters import disk
    from mockserver.core.recordings.drift.resends import resend_of

    rules = disk.load_rules(paths)
    replies = {rule.place: rule.replies[0][0] for rule in rules.book.rules}
    return [resend_of(each, replies[each.place]) for each in rules.recordings]


def _ask(ctx: click.Context, resends: Sequence[Resend], upstream: str) -> None:
    """Ask whether to spend that much; end the command without a yes."""
    from mockserver.core.recordings.drift.resends import unsendable

    sendable = [resend for resend in resends if not unsendable(resend)]
    if not sendable:
        return
    models = Counter(_model(resend.capture) for resend in sendable)
    listed = ", ".join(f"{model} x {number}" for model, number in models.most_common())
    count = f"{len(sendable)} request{'s' * (len(sendable) != 1)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        voice.say(sys.stderr, f"mockserver: this sends {count} ({listed}) to {upstream}: say --yes if that is meant\n")
        ctx.exit(MISUSED)
    if not click.confirm(f"This sends {count} ({listed}) to {upstream}; go on?", err=True):
        voice.say(sys.stderr, "mockserver: nothing was sent\n")
        ctx.exit(UNCHECKED)


def _model(capture: Capture) -> str:
    """Return the model that a request asks for, else its method and path."""
    from mockserver.core.messages import Request

    model = Request(capture.method, capture.path, body=capture.request_body).fields.get("model")
    return model if isinstance(model, str) else f"{capture.method} {capture.path}"


def _check(resends: Sequence[Resend], client: Client, sent: Mapping[str, str], jobs: int) -> list[Row]:
    """Return what came of each recording. An interrupt ends it early; what is known by then counts."""
    from mockserver.adapters.resending import check
    from mockserver.core.recordings.drift.comparison import Result

    found: dict[int, Row] = {}
    shows = sys.stderr.isatty()

    def told(number: int, result: Result, now: Capture | None) -> None:
        found[number] = Row(resends[number], result, now)
        if shows:
            voice.say(sys.stderr, f"\r{len(found)} of {len(resends)} checked")

    try:
        check(resends, client, sent, jobs, told)
    except KeyboardInterrupt:
        pass
    finally:
        if shows:
            voice.say(sys.stderr, "\r\x1b[K")
    return [found.get(number, Row(resend, Result(why=INTERRUPTED))) for number, resend in enumerate(resends)]


def _rewritten(row: Row) -> Row:
    """Rewrite a recording; return its row with what became of it."""
    from mockserver.adapters.rewriting import Kept, Rewriting

    assert row.now is not None
    try:
        Rewriting.begun().rewrite(row.resend, row.now)
    except Kept as kept:
        return replace(row, kept=str(kept))
    return replace(row, rewritten=True)
