"""`check`: every mistake in rule files, before anything is served.

This room decides how problems are printed and what the exit code says. It must not know what a mistake is: reading the
files finds them, `hiding` finds rules that can never answer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mockserver.cli import FINE, FOUND, UNCHECKED
from mockserver.core.errors import Problem

if TYPE_CHECKING:
    from mockserver.adapters.disk import RuleSet


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--fix", is_flag=True, help="Mend what has one safe correction: misspelt words, times without a unit.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="How to print it."
)
@click.option("--only", type=click.Choice(["secrets"]), help="Look for nothing but secrets, in files of any kind.")
@click.pass_context
def check(ctx: click.Context, /, paths: tuple[Path, ...], fix: bool, form: str, only: str | None) -> None:
    """Find mistakes in rule files: syntax, unknown words, illegal event sequences, rules that can never answer, secrets."""
    from mockserver.adapters import disk
    from mockserver.cli.scanning import scan_paths, scan_recordings

    if only:
        if fix:
            raise click.UsageError(
                "--fix does not go with --only secrets: what to do about a secret is yours to decide"
            )
        scanned = scan_paths(paths)
        _PRINTERS[form](scanned.problems, [], len(scanned.files))
        unscanned = all(not problem.line for problem in scanned.problems)
        ctx.exit(FINE if not scanned.problems else UNCHECKED if unscanned else FOUND)
    rules = disk.read_rules(paths)
    mended: list[Problem] = []
    if fix and rules.problems:
        mended = _mend(rules)
        rules = disk.read_rules(paths)
    # A rule with a mistake lacks conditions: what it seems to hide would be wrong.
    found = () if rules.errors else (*untrue_fields(rules), *hidden_rules(rules), *stale_files(rules, paths))
    noted = () if rules.errors else tuple(doubts(rules))
    if rules.recordings:
        noted = (*noted, *scan_recordings(rules).problems)
    problems = [*rules.problems, *found, *noted]
    _PRINTERS[form](problems, mended, len(rules.files))
    unread = [problem for problem in rules.problems if not problem.line and problem.severity == "error"]
    # What is only worth knowing of recordings fails nothing: an edited reply and a broken-off stream may be meant.
    failing = [*found, *(problem for problem in (*rules.problems, *noted) if problem.severity == "error")]
    ctx.exit(UNCHECKED if unread and len(unread) == len(failing) else FOUND if failing else FINE)


def hidden_rules(rules: RuleSet) -> Iterator[Problem]:
    """Yield a warning for each rule that can never answer; `optional: true` says that this is meant."""
    from mockserver.core.rules.hiding import hidden

    for found in hidden(rules.book.rules):
        if not found.rule.optional:
            yield Problem(
                f"never answers: {found.by.label} takes every request that it matches",
                *_split(found.rule.place),
                hint="move it up, give it a `priority`, or say `optional: true`",
                severity="warning",
            )


def untrue_fields(rules: RuleSet) -> Iterator[Problem]:
    """Yield an error for each field of a rule's `response` that the API would not send."""
    from mockserver.adapters.disk import load_dialect
    from mockserver.core.rules.overrides import untrue

    dialect = load_dialect("standard")
    for rule in rules.book.rules:
        if rule.alike:
            continue  # the API did send what is recorded
        for place, message, hint in untrue(rule, dialect):
            yield Problem(message, *_split(place), hint=hint)


def stale_files(rules: RuleSet, paths: Sequence[Path]) -> Iterator[Problem]:
    """Yield a warning for each file of a recording below the folders among `paths` that none names any more."""
    from mockserver.adapters import besides, disk

    for path in besides.stale([each for each in paths if each.is_dir()], rules.exact, rules.files):
        yield Problem(
            "no recording names this file of recorded bytes", disk.shown(path), hint="delete it", severity="warning"
        )


def doubts(rules: RuleSet) -> Iterator[Problem]:
    """Yield what a person should know of recordings: broken off, illegal, too old. The last is an error in CI."""
    from mockserver.core.recordings import soundness
    from mockserver.expiry import outdated

    yield from soundness.broken_off(rules.recordings)
    yield from soundness.illegal(rules.book.rules)
    yield from outdated(rules)


def _split(place: str) -> tuple[str, int]:
    """Return the file and the line of FILE:LINE, line 0 where it names none."""
    file, _, line = place.rpartition(":")
    return file, int(line) if line.isdigit() else 0


def _mend(rules: RuleSet) -> list[Problem]:
    """Write mended files back; return the mistakes that are gone."""
    from mockserver.adapters import disk
    from mockserver.core.rulefiles.mending import mend

    gone: list[Problem] = []
    for path in rules.files:
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):  # told already as a problem of the file
            continue
        mended = mend(text, disk.shown(path))
        if mended.problems:
            disk.write_whole(path, mended.text)
            gone += mended.problems
    return gone


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _text(problems: Sequence[Problem], mended: Sequence[Problem], files: int) -> None:
    for problem in mended:
        click.echo(f"mended: {problem}")
    for problem in problems:
        click.echo(f"{'warning: ' if problem.severity == 'warning' else ''}{problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [_count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    click.echo(f"{' and '.join(counts) or 'no mistakes'} in {_count(files, 'file')}")


def _json(problems: Sequence[Problem], mended: Sequence[Problem], files: int) -> None:
    document = {
        "files": files,
        "problems": [asdict(problem) for problem in problems],
        "mended": [asdict(problem) for problem in mended],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _github(problems: Sequence[Problem], mended: Sequence[Problem], files: int) -> None:
    """Print workflow commands, which show each problem beside its line."""
    for problem in problems:
        places = [("file", problem.file), ("line", problem.line), ("col", problem.column)]
        place = ",".join(f"{name}={escaped(str(value), more=True)}" for name, value in places if value)
        words = ": ".join(part for part in (problem.key, problem.message) if part)
        text = f"{words} ({problem.hint})" if problem.hint else words
        click.echo(f"::{problem.severity} {place}::{escaped(text)}")
    _summary_to_stderr(problems, mended, files)


def _summary_to_stderr(problems: Sequence[Problem], mended: Sequence[Problem], files: int) -> None:
    click.echo(f"{_count(len(problems), 'problem')}, {len(mended)} mended, in {_count(files, 'file')}", file=sys.stderr)


def escaped(text: str, *, more: bool = False) -> str:
    """Return text as a workflow command can carry it; properties also escape what would end them."""
    pairs = [("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), *([(":", "%3A"), (",", "%2C")] if more else [])]
    for char, code in pairs:
        text = text.replace(char, code)
    return text


_PRINTERS: Final[Mapping[str, Callable[[Sequence[Problem], Sequence[Problem], int], None]]] = {
    "text": _text,
    "json": _json,
    "github": _github,
}
