"""`record` and `replay`: a proxy that writes down what the real API answers, and a server that gives it back.

This room decides what is printed when, and the exit code. It must not know how a request is passed on (`adapters.upstream`),
what a recording looks like (`core.recordings`) or when one counts as written (`adapters.recorder`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mockserver.adapters import voice
from mockserver.cli import FOUND
from mockserver.cli.serving import answer, introduce, read_settings, setting_options, unless_said
from mockserver.core.errors import SettingError
from mockserver.core.recordings.modes import MODES, Mode, Plan, plan, read_mode
from mockserver.settings import TOKEN, Settings

if TYPE_CHECKING:
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.sessions import Session

_RECORD: Final = replace(Settings(), validate="off", on_miss="forward", exhausted="miss")
"""What `record` uses: the real API judges requests, and each recording answers once."""

_REPLAY: Final = replace(Settings(), exhausted="miss", validate="off")
"""What `replay` uses unless told otherwise: each recording answers once; the real API has judged what was asked."""

_RECORDED_WITH: Final = (
    "host", "port", "upstream", "upstream_timeout", "upstream_ca", "trust_env", "speed", "journal", "log", "max_body",
)  # fmt: skip
_MODES: Final = tuple(mode for mode in MODES if mode != "none")


def _mode(ctx: click.Context, param: click.Parameter, value: str) -> Mode:
    try:
        return read_mode(value, _MODES)
    except ValueError as error:
        told = f"{error} (`mockserver replay` only answers)" if value == "none" else str(error)
        raise click.BadParameter(told) from None


@click.command("record")
@click.option(
    "--into", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder of recordings."
)
@click.option(
    "--mode",
    default="new",
    callback=_mode,
    metavar="|".join(_MODES),
    help="once: only into an empty folder, else replay. new: replay what is there, record the rest. all: add "
    "everything. rewrite: replace what is there at the end. Default: new.",
)
@click.option("--ignore", multiple=True, metavar="PATH", help="A JSONPath that may differ in requests; in new files.")
@click.option(
    "--mask", multiple=True, metavar="KIND", help="date, time, uuid, path, port or a pattern that may differ."
)
@click.option(
    "--keep-header", multiple=True, metavar="NAME", help="A header of answers to keep besides the usual ones."
)
@setting_options(*_RECORDED_WITH, defaults=_RECORD)
@click.pass_context
def record(
    ctx: click.Context,
    /,
    into: Path,
    mode: Mode,
    ignore: Sequence[str],
    mask: Sequence[str],
    keep_header: Sequence[str],
    **flags: Any,
) -> None:
    """Pass everything on to --upstream, live, and write what it answers into --into as rule files.

    Clients keep their own API key. Exits with 1 where an exchange could not be recorded; the client has had its answer.
    """
    from mockserver.adapters.besides import customs_of
    from mockserver.adapters.recorder import Recorder
    from mockserver.adapters.recordingset import RecordingSet
    from mockserver.assembly import Assembly

    settings = read_settings({**flags, "validate": "off", "exhausted": "miss"})
    if settings.upstream is None:
        ctx.fail("where to? Write --upstream URL, such as --upstream https://api.openai.com/v1")
    here = RecordingSet(into)
    todo = plan(mode, empty=here.is_empty)
    settings = replace(settings, on_miss="forward" if todo.records else "error")
    paths = [into] if todo.replays and not here.is_empty else []
    recorder = Recorder(
        RecordingSet(into, replaces=todo.replaces),
        customs=customs_of(into),
        match=read_match(ignore, mask),
        keep_headers=keep_header,
        tell=lambda text: voice.tell(sys.stderr, text),
    )

    def taken(_: Session, capture: Capture | str) -> None:
        recorder.take(capture)

    assembly = Assembly(
        settings, paths, sys.stderr, os.environ.get(TOKEN, ""), taken=taken if todo.records else None, watched=False
    )
    assembly.say(_intent(todo, mode, settings, into))
    introduce(assembly, key=False)
    clean = False
    try:
        assembly.server.serve(lambda url: voice.say(sys.stdout, f"mockserver ready: {url}/v1\n"))
        clean = True
    finally:
        tally = recorder.close(clean=clean)
        assembly.close()
    assembly.say(f"stopped: {assembly.tally}" + (f"; {tally}" if todo.records else ""))
    if tally.failed:
        for text in tally.failed:
            assembly.say(text)
        ctx.exit(FOUND)


def _intent(todo: Plan, mode: Mode, settings: Settings, into: Path) -> str:
    if not todo.records:
        return f"{into} has recordings, and the mode is {mode}: they answer, and nothing goes to {settings.upstream}"
    kept = "; what is there answers first" if todo.replays else "; what is there is replaced at the end" * todo.replaces
    return f"recording {settings.upstream} into {into} ({mode}{kept})"


def read_match(ignore: Sequence[str], mask: Sequence[str]) -> dict[str, Any]:
    """Return what a new file says may differ. Raises `SettingError` for a path or mask that is none."""
    from mockserver.core.recordings.customs import MATCH_LEAF

    match = {name: list(given) for name, given in (("ignore", ignore), ("mask", mask)) if given}
    mistakes: list[str] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        mistakes.append(f"--{path[0] if path else 'ignore'}: {message}" + (f" ({hint})" if hint else ""))

    MATCH_LEAF.read(match, report, ())
    if mistakes:
        raise SettingError("\n".join(mistakes))
    return match


@click.command("replay")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(), metavar="DIR...")
@setting_options(defaults=_REPLAY)
def replay(recordings: tuple[str, ...], **flags: Any) -> None:
    """Answer from recordings: the same bytes at the same offsets, each once unless --exhausted says otherwise."""
    answer(recordings, unless_said(flags, _REPLAY, "exhausted", "validate"))
