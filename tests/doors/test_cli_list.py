"""`mockserver list`: every table, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from mockserver.cli.listing import TABLES
from mockserver.core.catalogue import ERRORS
from mockserver.core.faults import FAULTS
from tests.doors.processes import run


def listed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert run("list", *args) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("what", TABLES)
def test_text_and_json_hold_the_same_rows(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(listed(capsys, what, "--format", "json"))
    heading, *lines = listed(capsys, what).splitlines()
    assert heading.startswith(what.removesuffix("s").upper())
    assert rows
    assert [line.split()[0] for line in lines] == [row["name"] for row in rows]


def test_errors_and_faults_are_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["name"] for row in json.loads(listed(capsys, "errors", "--format", "json"))] == list(ERRORS)
    assert [row["name"] for row in json.loads(listed(capsys, "faults", "--format", "json"))] == list(FAULTS)


def test_all_event_types_of_the_current_client_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(listed(capsys, "events", "--format", "json"))
    assert sum(row["in_schema"] for row in rows) == 59


def test_an_unknown_table_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "event") == 2
    assert "events" in capsys.readouterr().err
