"""The page on the control API says what is there, all of it and nothing else."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import pytest

from mockserver.adapters.control import options, parts, testimony
from mockserver.adapters.control.application import HEALTH, ROOT, routes
from mockserver.adapters.control.guards import YAML
from mockserver.adapters.control.journal import FILTERS, KINDS
from mockserver.adapters.control.rules import SERVER_WIDE
from mockserver.adapters.control.served import Served
from mockserver.adapters.disk import load_dialect
from mockserver.control import Control, Session
from mockserver.core.engine import Engine
from mockserver.core.rules.book import RuleBook
from mockserver.core.sessions import LONGEST_NAME
from mockserver.testing.verdict import ALLOWABLE
from tests.docs.pages import ROOT as CHECKOUT
from tests.docs.pages import code, rows, sections

PAGE: Final = sections(CHECKOUT / "docs" / "control.md")


def test_every_path_and_method_is_told() -> None:
    engine = Engine(RuleBook(()), load_dialect("standard"))
    known = {path: " ".join(sorted(methods)) for path, methods in routes(Served(engine, lambda: 0.0)).items()}
    told: dict[str, str] = {}
    for paths, methods, _ in rows(PAGE["Paths"]):
        for path in code(paths):
            methods_of = known[path] if methods == "as above" else " ".join(sorted(methods.split(", ")))
            told[path] = methods_of
    assert told == {**known, HEALTH: "GET"}
    assert ROOT == "/_mock"


@pytest.mark.parametrize(
    ("section", "known"), [("Creating a session", options.form(lambda: 0.0).keys), ("What was asked", FILTERS)]
)
def test_every_key_and_filter_is_told(section: str, known: Any) -> None:
    assert sorted(name for row in rows(PAGE[section]) for name in code(row[0])) == sorted(known)


def test_every_key_for_test_runners_is_told() -> None:
    told = [name for row in rows(PAGE["For test runners"]) for name in code(row[0])]
    assert sorted(told) == sorted([*parts.FORM.keys, *testimony.FORM.keys])


def test_every_kind_and_choice_is_told() -> None:
    told = {
        name: set(code(meaning))
        for row in rows(PAGE["What was asked"])
        for name, meaning in [(code(row[0])[0], row[1])]
    }
    assert told["kind"] == set(KINDS)
    for row in rows(PAGE["Creating a session"]):
        choices = options.form(lambda: 0.0).keys[code(row[0])[0]].leaf.schema.get("enum", ())
        assert code(row[0])[0] != "hurry" or options.CLOCK in code(row[1])
        assert set(choices) <= set(code(row[1]))
    assert str(LONGEST_NAME) in PAGE["Creating a session"]


def test_what_counts_against_a_session_is_told() -> None:
    """All but what only a test in this process can be told of."""
    told = set(re.findall(r"`(\w+)`", PAGE["A test in one session"]))
    assert set(ALLOWABLE) - told <= {"late", "raised"}


def test_what_rules_cannot_hold_is_told() -> None:
    assert all(f"`{key}`" in PAGE["Rules"] for key in SERVER_WIDE)
    assert "application/yaml" in YAML


@pytest.mark.parametrize("kind", [Control, Session])
def test_every_method_of_the_client_is_told(kind: type) -> None:
    public = {name for name, each in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    assert public <= set(re.findall(r"`(\w+)`", PAGE["From Python"]))
