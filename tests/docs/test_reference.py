"""The reference says what is there, all of it and nothing else: tables of the code against tables on the pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import click
import pytest

from mockserver.adapters.disk import dialect_names
from mockserver.cli import cli
from mockserver.cli.listing import TABLES
from mockserver.core.catalogue import ERRORS
from mockserver.core.dialect import Quirks
from mockserver.core.faults import FAULTS
from mockserver.core.grammar.sequence import EVENTS
from mockserver.core.items.shorthands import ITEMS
from mockserver.core.lookups import ROOTS
from mockserver.core.rulefiles import schema as rulefile_schema
from mockserver.core.rulefiles.modifiers import TIMING
from mockserver.core.rulefiles.replyform import COUNTED
from mockserver.core.rules.matchers import MATCHERS
from mockserver.core.rules.targets import TARGETS
from mockserver.pytesting.ini import URL, declare
from mockserver.pytesting.names import VARIABLES
from mockserver.settings import SETTINGS, TOKEN, Settings
from tests.docs.pages import PAGES, ROOT, anchors, blocks, code, commands, inline, links, prose, read, rows, sections

DOCS: Final = ROOT / "docs"
RULES: Final = sections(DOCS / "rules.md")
CLI: Final = sections(DOCS / "cli.md")
SCHEMA: Final = rulefile_schema.schema()
RULE_KEYS: Final = SCHEMA["$defs"]["rule"]["properties"]


def first_column(text: str) -> list[str]:
    """Return the names in the first column of the tables in a text."""
    return [name for row in rows(text) for name in code(row[0])]


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("Rules", [*SCHEMA["properties"], *RULE_KEYS]),
        ("Conditions", TARGETS),
        ("Matchers", MATCHERS),
        ("Replies", COUNTED.keys),
        ("Timing", TIMING.keys),
    ],
)
def test_a_table_of_rules_is_whole(section: str, known: Any) -> None:
    """Each name of the code in one row, and no other."""
    assert sorted(first_column(RULES[section])) == sorted(known)


@pytest.mark.parametrize(
    ("section", "known"), [("Faults", FAULTS), ("Templates", ROOTS), ("Items", ITEMS)], ids=["faults", "roots", "items"]
)
def test_a_section_of_rules_names_them_all(section: str, known: Any) -> None:
    named = set(re.findall(r"\w+", RULES[section]))
    assert set(known) - named == set()


def test_every_error_is_listed_as_it_is() -> None:
    expected = [
        [f"`{name}`", str(entry.status), f"`{entry.type}`", _cell(entry.code), _cell(entry.param)]
        for name, entry in ERRORS.items()
    ]
    assert rows(read(DOCS / "errors.md")) == expected


def test_every_event_is_listed_as_it_is() -> None:
    expected = [
        [f"`{event.short}`", ", ".join(f"`{name}`" for name in event.required) or "-", _cell(event.main)]
        for event in EVENTS.values()
    ]
    assert rows(read(DOCS / "events.md")) == expected
    for event in EVENTS.values():
        assert event.in_schema or event.short in prose(DOCS / "events.md").splitlines()[-1]


def _cell(value: str | None) -> str:
    return "-" if value is None else f"`{value}`"


def test_every_dialect_and_quirk_is_told() -> None:
    named = first_column(read(DOCS / "dialects.md"))
    assert set(dialect_names()) <= set(named)
    assert set(Quirks.__dataclass_fields__) <= set(named)


def test_every_setting_is_told_with_its_default() -> None:
    told = {row[0]: row[1:3] for row in rows(CLI["Settings"])}
    expected = {f"`{row.flag}`": [f"`{row.variable}`", _default(name)] for name, row in SETTINGS.items()}
    assert told == expected


def _default(name: str) -> str:
    value = getattr(Settings(), name)
    if name == "max_body":
        return f"{value >> 20}MiB"
    if name == "upstream_timeout":
        return f"{value:g}s"
    if value is None or value in ((), frozenset()):
        return "none"
    if value is False:
        return "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, (*path, name))
    else:
        yield path, command


COMMANDS: Final = dict(walk(cli))


def options(command: click.Command) -> set[str]:
    """Return every spelling of every option."""
    return {
        word for each in command.params if isinstance(each, click.Option) for word in (*each.opts, *each.secondary_opts)
    }


def test_every_command_has_its_section() -> None:
    headings = [title.removeprefix("mockserver ") for title in CLI if title.startswith("mockserver ")]
    assert headings == [" ".join(path) for path in COMMANDS]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_told_in_its_section(path: tuple[str, ...]) -> None:
    """The settings of servers have a section of their own, which their sections name."""
    text = CLI[" ".join(("mockserver", *path))]
    told = {name for name in first_column(text) if name.startswith("-")}
    known = options(COMMANDS[path])
    if path == ("render",):
        told |= {name for name in first_column(CLI["mockserver explain"]) if name.startswith("-")}
    if path in {("serve",), ("run",), ("replay",)}:
        assert "settings" in text
        told |= set(first_column(CLI["Settings"]))
    if path in {("record",), ("diff",)}:  # a part of them
        assert "settings" in text
        told |= (
            known
            & set(first_column(CLI["Settings"]))
            & {word for each in re.findall(r"`([^`]+)`", text) for word in each.split()}
        )
    assert told == known


def test_every_table_of_list_is_told() -> None:
    assert set(TABLES) <= set(re.findall(r"`(\w+)`", CLI["mockserver list"]))


def calls(page: Path) -> list[str]:
    """Return each call of mockserver on a page, in its text and in its console blocks."""
    shown = [command.text for block in blocks(page, "console") for command in commands(block)]
    return [text for text in (*inline(page), *shown) if text.startswith("mockserver ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_on_a_page_can_be_made(page: Path) -> None:
    """The command is there, and so is every option given to it."""
    for text in calls(page):
        words = [word for word in shlex.split(text.split(" -- ")[0])[1:] if word not in ("...", "[RULES", "...]")]
        if words[0] in ("COMMAND", "--version", "ready:"):
            continue
        path = tuple(words[:2]) if words[0] == "schemas" else (words[0],)
        assert path in COMMANDS, text
        wrong = [word for word in words if re.match(r"--?[a-z]", word)]
        assert set(wrong) - options(COMMANDS[path]) == set(), text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_and_variable_on_a_page_is_there(page: Path) -> None:
    """Wherever they stand by themselves."""
    known = {word for command in COMMANDS.values() for word in options(command)} | {"--help", "-h", "--version"}
    parser = Mock()
    declare(parser)
    known |= {call.args[0] for call in parser.getgroup().addoption.call_args_list}
    alone = {text.split()[0] for text in inline(page) if re.match(r"--[a-z]", text)}
    assert alone - known == set()
    variables = set(re.findall(r"MOCKSERVER_[A-Z_]+", read(page)))
    assert variables - {row.variable for row in SETTINGS.values()} - {TOKEN, URL, *VARIABLES.values()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        place = (page.parent / target) if target else page
        assert place.exists(), link
        assert not anchor or anchor in anchors(place), link


def test_every_target_of_make_that_is_named_is_there() -> None:
    made = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"(?:`|\$ )make (\w+)", read(page))}
    assert named <= made
    assert {"serve", "test"} <= named
