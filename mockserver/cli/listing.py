"""`list` and `schema`: the tables that rule files are written from.

This room decides how a table is shown. It must not hold any table itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import click

Row = Mapping[str, Any]


def _events() -> Iterable[Row]:
    from mockserver.core.grammar.sequence import EVENTS

    for event in EVENTS.values():
        yield {
            "name": event.short,
            "type": event.type,
            "fields": list(event.required),
            "items": list(event.items),
            "in_schema": event.in_schema,
        }


def _faults() -> Iterable[Row]:
    from mockserver.core.faults import FAULTS

    for name, fault in FAULTS.items():
        yield {"name": name, "time": fault.takes_time, "does": fault.doc}


def _errors() -> Iterable[Row]:
    from mockserver.core.catalogue import ERRORS, error

    for name, entry in ERRORS.items():
        yield {
            "name": name,
            "status": entry.status,
            "type": entry.type,
            "code": entry.code,
            "param": entry.param,
            "message": error(name).body["error"]["message"],
        }


def _matchers() -> Iterable[Row]:
    from mockserver.core.rules.matchers import MATCHERS

    for name, matcher in MATCHERS.items():
        yield {"name": name, "does": matcher.doc}


def _targets() -> Iterable[Row]:
    from mockserver.core.rules.targets import TARGETS

    for name, target in TARGETS.items():
        yield {"name": name, "does": target.doc}


TABLES: Final[Mapping[str, tuple[Callable[[], Iterable[Row]], Mapping[str, str]]]] = {
    "events": (_events, {"name": "event", "fields": "always has"}),
    "faults": (_faults, {"name": "fault", "time": "takes a time", "does": "what it does"}),
    "errors": (_errors, {"name": "error", "status": "status", "type": "type", "code": "code", "param": "param"}),
    "matchers": (_matchers, {"name": "matcher", "does": "holds for"}),
    "targets": (_targets, {"name": "target", "does": "what is tested"}),
}
"""Per table: where its rows come from, and which columns the text form shows under which heading."""


@click.command("list")
@click.argument("what", type=click.Choice(list(TABLES)), metavar="|".join(TABLES))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def listing(what: str, form: str) -> None:
    """List what rule files may name."""
    rows_of, columns = TABLES[what]
    rows = list(rows_of())
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    lines = [[heading.upper() for heading in columns.values()]]
    lines += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command("schema")
@click.option("--url", is_flag=True, help="Print where the schema stands, for the first line of a rule file.")
def schema(url: bool) -> None:
    """Print the JSON Schema of rule files, for editors and other tools."""
    if url:
        from mockserver.adapters import disk

        click.echo(disk.rule_schema_url())
        return
    from mockserver.core.rulefiles import schema as rulefile_schema

    click.echo(json.dumps(rulefile_schema.schema(), indent=2, ensure_ascii=False))
