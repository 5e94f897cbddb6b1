"""The command line: which commands there are, and how each ends.

This room decides names, exit codes and how a mistake is told. It must not import what a command needs until that command
runs: `mockserver --help` stays quick. Exit codes: 0 fine, 1 found something, 2 used wrongly or port busy, 3 could not
check.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import click

import mockserver
from mockserver.adapters.voice import steady
from mockserver.core.errors import MockServerError, RuleFileError, SchemaSourceError, nearest

FINE: Final = 0
FOUND: Final = 1
MISUSED: Final = 2
UNCHECKED: Final = 3


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for.

    `commands` maps a name to `(module, attribute, short help)`.
    """

    def __init__(self, name: str, text: str, rows: Mapping[str, tuple[str, str, str]]) -> None:
        super().__init__(name, help=text, context_settings={"help_option_names": ["-h", "--help"]})
        self.rows = rows

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        row = self.rows.get(cmd_name)
        if row is None:
            return None
        command = getattr(importlib.import_module(row[0]), row[1])
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in self.rows.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        if args and args[0] not in self.rows and not args[0].startswith("-"):
            like = nearest(args[0], self.rows)
            hint = f" Did you mean {like!r}?" if like else f" Known: {', '.join(self.rows)}."
            ctx.fail(f"there is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


_COMMANDS: Final = {
    "serve": ("mockserver.cli.serving", "serve", "Answer from rule files until it is stopped."),
    "run": ("mockserver.cli.serving", "run", "Serve, run a command against it, and judge."),
    "record": (
        "mockserver.cli.recording",
        "record",
        "Pass everything on to the real API and write down what it answers.",
    ),
    "replay": ("mockserver.cli.recording", "replay", "Answer from recordings."),
    "diff": ("mockserver.cli.drift", "diff", "Say where the real API answers otherwise than recorded."),
    "import": (
        "mockserver.cli.importing",
        "importing",
        "Turn cassettes, HAR files and aimock fixtures into rule files.",
    ),
    "check": ("mockserver.cli.checking", "check", "Find mistakes in rule files."),
    "explain": ("mockserver.cli.asking", "explain", "Say which rule would answer a request, and why not the others."),
    "render": ("mockserver.cli.asking", "render", "Print the answer to a request."),
    "log": ("mockserver.cli.journal", "log", "Show what was asked of a running server."),
    "list": ("mockserver.cli.listing", "listing", "List events, faults, errors, matchers or targets."),
    "init": ("mockserver.cli.starting", "init", "Write a first rule file, ready to edit."),
    "schema": ("mockserver.cli.listing", "schema", "Print the JSON Schema of rule files."),
    "schemas": ("mockserver.cli.schemas", "schemas", "Build the JSON Schemas of a dialect."),
}

cli: Final = Lazy("mockserver", "A test double for the Responses API, answering from YAML rules.", _COMMANDS)
click.version_option(
    getattr(mockserver, "__version__", "unknown"), prog_name="mockserver", message="%(prog)s %(version)s"
)(cli)


NAMESAKE: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "async_client.py")
"""A file of `mockserver-client`, the client of an unrelated product, which installs into the same package folder."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit. `args` default to those of the process."""
    steady()
    if os.path.exists(NAMESAKE):
        click.echo(
            "mockserver: the package mockserver-client is installed here too and has overwritten parts of this one; "
            "run: pip uninstall mockserver-client && pip install --force-reinstall responses-mockserver",
            err=True,
        )
        sys.exit(MISUSED)
    try:
        sys.exit(cli.main(args=None if args is None else list(args), prog_name="mockserver", standalone_mode=True))
    except RuleFileError as error:
        for problem in error.problems:  # each begins with its place, which editors and terminals make a link of
            click.echo(f"{'warning: ' if problem.severity == 'warning' else ''}{problem}", err=True)
        click.echo("mockserver: these rules cannot be used", err=True)
        sys.exit(MISUSED)
    except MockServerError as error:
        for line in str(error).splitlines():
            click.echo(f"mockserver: {line}", err=True)
        sys.exit(UNCHECKED if isinstance(error, SchemaSourceError) else MISUSED)
