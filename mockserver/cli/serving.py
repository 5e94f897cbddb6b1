"""`serve` and `run`: a server for people, and a server around one command.

This room decides what is printed when, and the exit code. It must not know how the parts of a server fit together
(`assembly` does). On stdout there is one line only, which other tools wait for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mockserver.adapters import voice
from mockserver.cli import FINE, FOUND, MISUSED
from mockserver.settings import SETTINGS, TOKEN, Settings, strangers

if TYPE_CHECKING:
    from mockserver.assembly import Assembly

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS: Final = Settings()

KEY: Final = "OPENAI_API_KEY"


def setting_options(*names: str, defaults: Settings = _DEFAULTS) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of these settings, all of them unless named; help tells the defaults."""

    def decorate(command: Command) -> Command:
        for name in reversed(names or tuple(SETTINGS)):
            row = SETTINGS[name]
            text = f"{row.help}{_default(name, defaults)}  [{row.variable}]"
            if row.switch:
                option = click.option(row.flag, name, is_flag=True, default=None, help=text)
            else:
                option = click.option(row.flag, name, metavar=row.takes, multiple=row.many, default=None, help=text)
            command = option(command)
        return command

    return decorate


def _default(name: str, defaults: Settings) -> str:
    value = getattr(defaults, name)
    if value is None or value is False or value in ((), frozenset()):
        return ""
    if name == "max_body":
        return " Default: 32MiB."
    if name == "upstream_timeout":
        return f" Default: {value:g}s."
    return f" Default: {value:g}." if isinstance(value, float) else f" Default: {value}."


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """Return the settings of flags and environment; say which variables look misspelt."""
    for line in strangers(os.environ):
        voice.tell(sys.stderr, line)
    return Settings.read(flags, os.environ)


def unless_said(flags: Mapping[str, Any], standing: Settings, *names: str) -> dict[str, Any]:
    """Return the flags with these settings of `standing` where neither a flag nor a variable says anything."""
    silent = [name for name in names if flags[name] is None and SETTINGS[name].variable not in os.environ]
    return {**flags, **{name: str(getattr(standing, name)) for name in silent}}


@click.command("serve")
@click.argument("rules", nargs=-1, type=click.Path())
@setting_options()
def serve(rules: tuple[str, ...], **flags: Any) -> None:
    """Answer from RULES (files, folders; the shipped examples unless given) until it is stopped."""
    answer(rules, flags)


def answer(rules: Sequence[str], flags: Mapping[str, Any]) -> None:
    """Answer from these rules with these settings until it is stopped."""
    from mockserver.assembly import Assembly

    assembly = Assembly(read_settings(flags), rules, sys.stderr, os.environ.get(TOKEN, ""))

    def ready(url: str) -> None:
        voice.say(sys.stdout, f"mockserver ready: {url}/v1\n")

    if not rules and assembly.paths:
        assembly.say("no rules were given, so these are the shipped examples; `mockserver init` writes a first file")
    introduce(assembly)
    settings = assembly.settings
    if settings.upstream is not None:
        what = "what no rule answers" if settings.on_miss == "forward" else "what a rule forwards"
        assembly.say(f"{what} goes to {settings.upstream}")
    try:
        assembly.server.serve(ready)
    finally:
        assembly.close()
    assembly.say(f"stopped: {assembly.tally}")


def introduce(assembly: Assembly, *, key: bool = True) -> None:
    """Say what is served, what to set and what is risky; on stderr, before the line that says ready.

    Without `key` clients keep their own API key.
    """
    assembly.say(assembly.rules.size)
    for name, value in assembly.environment.items():
        if not key and name == KEY:
            continue
        voice.say(sys.stderr, f"export {name}={value}\n")
    for problem in assembly.outdated:  # what else is worth knowing has been told by now
        assembly.say(f"{problem.severity}: {problem}")
    if assembly.token:
        token = f"the token in {TOKEN}" if os.environ.get(TOKEN) else f"the token {assembly.token}"
        assembly.say(f"other machines can reach this server; from them /_mock wants {token}")


class _Run(click.Command):
    """A command whose arguments end at `--`; what follows is the command to run, untouched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_COMMAND] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND"]


_COMMAND: Final = "mockserver.command"


_RUN: Final = replace(_DEFAULTS, port=0, log="off")
"""What `run` uses unless told otherwise: any free port, and no log between the lines of the command."""


@click.command("run", cls=_Run)
@click.argument("rules", nargs=-1, type=click.Path())
@setting_options(defaults=_RUN)
@click.pass_context
def run(ctx: click.Context, /, rules: tuple[str, ...], **flags: Any) -> None:
    """Serve RULES, run COMMAND with OPENAI_BASE_URL pointing there, and exit with its code.

    Exits with 1 where the command passed but a request matched no rule. Any free port is taken and nothing is logged
    unless you say otherwise.
    """
    command: Sequence[str] = ctx.meta.get(_COMMAND, ())
    if not command:
        ctx.fail("write the command to run after `--`, such as: mockserver run rules/ -- pytest")
    from mockserver.assembly import Assembly

    assembly = Assembly(read_settings(unless_said(flags, _RUN, "port", "log")), rules, sys.stderr)
    try:
        with assembly.server:
            code = _call(command, {**os.environ, **assembly.environment, **_no_proxy(os.environ)})
    finally:
        assembly.close()
    _judge(assembly)
    ctx.exit(FOUND if code == FINE and assembly.tally.misses else code)


def _no_proxy(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return what keeps clients from sending requests to this machine through a proxy."""
    known = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    here = [host for host in ("127.0.0.1", "localhost", "::1") if host not in known.split(",")]
    value = ",".join(filter(None, [known, *here]))
    return {"NO_PROXY": value, "no_proxy": value}


def _call(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command to its end; hand on SIGTERM and SIGHUP. Return its code, 128 + N where signal N ended it."""
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    # An interrupt reaches the command by itself, with the whole group; it decides when it is done. Handlers stand before
    # the command runs, so that no signal ends us alone; a function, since what is ignored would be ignored there too.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # ignored: someone said nohup
            before[number] = signal.signal(number, hand_on)
    try:
        process = subprocess.Popen(command, env=environ)  # noqa: S603 - running it is what the user asked for
        for number in early:
            process.send_signal(number)
        code = process.wait()
    except OSError as error:
        voice.say(sys.stderr, f"mockserver: cannot run {command[0]}: {error.strerror or error}\n")
        return MISUSED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _judge(assembly: Assembly) -> None:
    """Tell every miss, whatever the command made of it."""
    tally = assembly.tally
    if not tally.misses:
        return
    assembly.say(f"{tally.misses} of {tally.requests} requests matched no rule:")
    for text in assembly.missed:
        assembly.say("".join(f"  {line}\n" for line in text.splitlines()))
    if tally.misses > len(assembly.missed):
        assembly.say(f"  and {tally.misses - len(assembly.missed)} more")
