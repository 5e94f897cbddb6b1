"""`import`: what other tools recorded, as rule files.

This room decides how a report reads and what the exit code says. It must not know any format, nor how files are written
(`adapters.importer` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from mockserver.cli import FINE, FOUND, UNCHECKED
from mockserver.core.errors import SettingError

if TYPE_CHECKING:
    from mockserver.adapters.importer import Brought

INTO: Final = "recordings"
MOST_PLACES: Final = 5
"""How many exchanges that were left out for one reason are named."""


def _base(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise click.BadParameter(f"{value} is no URL: {error}") from None
    if value and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise click.BadParameter(f"expected a base URL such as https://host/v1, got {value}")
    return value


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE...")
@click.option(
    "--into",
    default=Path(INTO),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of recordings; files in it are never overwritten.",
)
@click.option(
    "--base",
    default="",
    metavar="URL",
    callback=_base,
    help="Take what went to this base URL and nothing else. Default: whatever has a path of the API (/v1/...).",
)
@click.option("--ignore", multiple=True, metavar="PATH", help="A JSONPath that may differ in requests.")
@click.option(
    "--mask", multiple=True, metavar="KIND", help="date, time, uuid, path, port or a pattern that may differ."
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would become of each file, and write nothing.")
@click.pass_context
def importing(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    into: Path,
    base: str,
    ignore: tuple[str, ...],
    mask: tuple[str, ...],
    dry: bool,
) -> None:
    """Turn vcrpy cassettes, HAR files and aimock fixtures (files, or folders of them) into rule files.

    Exits with 1 where something was left out, and with 3 where no file could be read.
    """
    from mockserver.adapters import disk
    from mockserver.adapters.besides import customs_of
    from mockserver.adapters.importer import Importer, sources
    from mockserver.cli.recording import read_match
    from mockserver.core.recordings.secrets.redactor import Redactor

    redactor = Redactor(customs_of(into))
    importer = Importer(into, base=base, match=read_match(ignore, mask), redactor=redactor, dry=dry)
    brought: list[Brought] = []
    foreign = 0
    try:
        for path, named in sources(files):
            found = importer.bring(path)
            if found.is_foreign and not named:
                foreign += 1
            else:
                brought.append(found)
    except OSError as error:
        for line in _table(brought) if brought else ():  # these are written
            click.echo(line)
        raise SettingError(f"cannot write into {disk.shown(into)}: {error.strerror or error}") from error
    if not brought:
        seen = f"; {foreign} of other kinds" if foreign else ""
        click.echo(f"no files to import there (NAME.yaml, .json, .har, each also with .gz{seen})", err=True)
        ctx.exit(UNCHECKED)
    lines = (*_table(brought), *_left_out(brought), *_notes(brought), *_summary(brought, into, dry, foreign))
    for line in lines:
        click.echo(line)
    if all(each.format is None for each in brought):
        ctx.exit(UNCHECKED)
    ctx.exit(FINE if all(each.is_whole for each in brought) else FOUND)


def _table(brought: Sequence[Brought]) -> Iterator[str]:
    from mockserver.adapters import disk

    rows = [("file", "format", "holds", "imported", "left out", "into")]
    for each in brought:
        counts = (str(each.size), str(each.imported), str(each.size - each.imported)) if each.format else ("", "", "")
        into = disk.shown(each.into) if each.into else "-"
        rows.append((disk.shown(each.source), each.format or "unreadable", *counts, into))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.rjust(width) if 2 <= index <= 4 else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _left_out(brought: Sequence[Brought]) -> Iterator[str]:
    """Yield what was not imported and why: a line for each reason of a file."""
    from mockserver.adapters import disk

    lines: list[str] = []
    for each in brought:
        lines += [f"  {problem}" for problem in each.problems]
        for why in dict.fromkeys(left.why for left in each.left_out):
            found = [left for left in each.left_out if left.why == why]
            places = ", ".join(f"{left.spot} {left.what}" for left in found[:MOST_PLACES])
            more = f" and {len(found) - MOST_PLACES} more" if len(found) > MOST_PLACES else ""
            lines.append(f"  {disk.shown(each.source)}: {places}{more}: {why}")
    if lines:
        yield ""
        yield "left out:"
        yield from lines


def _notes(brought: Sequence[Brought]) -> Iterator[str]:
    counted = Counter(note for each in brought for note in each.notes)
    if counted:
        yield ""
        yield "to know:"
        for note, count in counted.most_common():
            yield f"  {count} times: {note}"


def _summary(brought: Sequence[Brought], into: Path, dry: bool, foreign: int) -> Iterator[str]:
    from mockserver.adapters import disk

    imported = sum(each.imported for each in brought)
    left = sum(each.size - each.imported for each in brought)
    unreadable = sum(each.format is None for each in brought)
    redacted = sum(each.redacted for each in brought)
    parts = [f"{imported} {'would be ' if dry else ''}imported", f"{left} left out"]
    if unreadable:
        parts.append(f"{unreadable} file{'s' * (unreadable != 1)} unreadable")
    if foreign:
        parts.append(f"{foreign} file{'s' * (foreign != 1)} of other kinds passed over")
    if redacted:
        parts.append(f"{redacted} secret{'s' * (redacted != 1)} replaced")
    yield ""
    yield f"{', '.join(parts)}; {'nothing was written' if dry else f'into {disk.shown(into)}'}"
    if imported and not dry:
        yield f"answer from them: mockserver replay {disk.shown(into)}"
