"""How drift reads: a table for people, JSON for programs, workflow commands for a review.

This room decides the columns and the summary. It must not know how a difference was found.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import click

from mockserver.cli.checking import escaped

if TYPE_CHECKING:
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.recordings.drift.comparison import Result, State
    from mockserver.core.recordings.drift.resends import Resend


@dataclass(frozen=True, slots=True)
class Row:
    """One recording and what came of it. `now` is the answer that came, None where none was asked for.

    `rewritten` says that it took the place of the recorded one; `kept` why it did not although that was wanted.
    """

    resend: Resend
    result: Result
    now: Capture | None = None
    rewritten: bool = False
    kept: str = ""

    @property
    def place(self) -> str:
        """FILE:LINE."""
        return f"{self.resend.file}:{self.resend.line}"


WORDS: Final[Mapping[State, str]] = {
    "same": "same",
    "behaviour": "behaves otherwise",
    "drift": "drift",
    "unchecked": "could not check",
}


def _text(rows: Sequence[Row], upstream: str) -> None:
    result = max(len(WORDS[row.result.state]) for row in rows)
    place = max(len(row.place) for row in rows)
    for row in rows:
        state = row.result.state
        line = f"{WORDS[state]:<{result}}  {row.place:<{place}}  {_plain(row.resend.name)}"
        click.echo(f"{line}: {_plain(row.result.why)}" if row.result.why else line)
        for each in row.result.differences:
            note = "  (the model's choice)" if each.kind == "behaviour" else ""
            click.echo(f"  {_plain(each.where)}: {_plain(each.recorded)} -> {_plain(each.now)}{note}")
        if row.rewritten or row.kept:
            click.echo("  rewritten" if row.rewritten else f"  not rewritten: {_plain(row.kept)}")
    click.echo(_summary(rows, upstream))


def _summary(rows: Sequence[Row], upstream: str) -> str:
    counts = Counter(row.result.state for row in rows)
    told = ", ".join(f"{counts[state]} {words}" for state, words in WORDS.items() if counts[state])
    rewritten = sum(row.rewritten for row in rows)
    more = f"; {rewritten} rewritten" if rewritten else ""
    return f"{len(rows)} recording{'s' * (len(rows) != 1)} against {upstream}: {told}{more}"


def _json(rows: Sequence[Row], upstream: str) -> None:
    counts = Counter(row.result.state for row in rows)
    document = {
        "upstream": upstream,
        "summary": {state: counts[state] for state in WORDS},
        "recordings": [
            {
                "file": row.resend.file,
                "line": row.resend.line,
                "name": row.resend.name,
                "result": row.result.state,
                "why": row.result.why,
                "differences": [asdict(each) for each in row.result.differences],
                "rewritten": row.rewritten,
                "kept": row.kept,
            }
            for row in rows
        ],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


_SEVERITY: Final[Mapping[State, str]] = {"drift": "error", "behaviour": "notice", "unchecked": "warning"}


def _github(rows: Sequence[Row], upstream: str) -> None:
    """Print workflow commands, which show each recording's differences beside its line."""
    for row in rows:
        state = row.result.state
        if state == "same" or row.rewritten:
            continue
        lines = [row.result.why] if row.result.why else []
        lines += [f"{each.where}: {each.recorded} -> {each.now}" for each in row.result.differences]
        lines += [f"not rewritten: {row.kept}"] if row.kept else []
        text = f"{row.resend.name}: {WORDS[state]}\n" + "\n".join(lines)
        place = f"file={escaped(row.resend.file, more=True)},line={row.resend.line}"
        click.echo(f"::{_SEVERITY[state]} {place}::{escaped(text)}")
    click.echo(_summary(rows, upstream), file=sys.stderr)


def _plain(text: str) -> str:
    """Return text that cannot steer the terminal; what an upstream sends is not ours."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


PRINTERS: Final[Mapping[str, Callable[[Sequence[Row], str], None]]] = {"text": _text, "json": _json, "github": _github}
