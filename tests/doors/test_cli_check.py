"""`mockserver check`: what it finds, how it says so, and what it mends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockserver.adapters import disk
from tests.doors.processes import run

GOOD = "rules: [{name: a, when: {model: x}, reply: {text: hi}}]\n"
BAD = "rules:\n  - when: {modle: x}\n    reply: {text: hi, timing: {first: 25}}\n"
HIDDEN = "rules:\n  - {name: all, reply: {text: hi}}\n  - {name: some, when: {model: x}, reply: {text: hi}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_nothing_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "a.mock.yaml", GOOD)
    assert run("check", ".") == 0
    assert capsys.readouterr().out == "no mistakes in 1 file\n"


def test_every_mistake_has_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "a.mock.yaml", GOOD)
    write(folder, "b.mock.yaml", BAD)
    assert run("check", ".") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("b.mock.yaml:2:12: rules[0].when.modle: ")
    assert lines[1].startswith("b.mock.yaml:3:32: rules[0].reply.timing.first: ")
    assert lines[2] == "2 errors in 2 files"


def test_a_rule_that_can_never_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "a.mock.yaml", HIDDEN)
    assert run("check", "a.mock.yaml") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('warning: a.mock.yaml:3: never answers: a.mock.yaml:2 "all" takes every request')
    assert lines[1] == "1 warning in 1 file"


def test_hidden_on_purpose(folder: Path) -> None:
    write(folder, "a.mock.yaml", HIDDEN.replace("name: some", "name: some, optional: true"))
    assert run("check", "a.mock.yaml") == 0


def test_an_illegal_sequence_of_events(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the API would never send is a mistake, unless it is meant."""
    text = "rules: [{when: {stream: true}, reply: {events: [in_progress, created, completed]}}]\n"
    write(folder, "a.mock.yaml", text)
    assert run("check", ".") == 1
    assert "rules[0].reply.events[" in capsys.readouterr().out
    write(folder, "a.mock.yaml", text.replace("{when:", "{allow_invalid: true, when:"))
    assert run("check", ".") == 0


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "b.mock.yaml", BAD)
    assert run("check", ".", "--format", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == 1
    assert [(each["line"], each["column"], each["severity"]) for each in document["problems"]] == [
        (2, 12, "error"),
        (3, 32, "error"),
    ]


def test_github_shows_each_problem_beside_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would end a property or a command is escaped."""
    write(folder, "a,b.mock.yaml", BAD)
    assert run("check", ".", "--format", "github") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error file=a%2Cb.mock.yaml,line=2,col=12::rules[0].when.modle: unknown")
    assert len(lines) == 2
    write(folder, "a,b.mock.yaml", HIDDEN)
    assert run("check", ".", "--format", "github") == 1
    assert capsys.readouterr().out.startswith("::warning file=a%2Cb.mock.yaml,line=3::never answers: ")


def test_a_broken_rule_hides_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its conditions could not be read, so it only seems to take every request."""
    write(folder, "a.mock.yaml", BAD + "  - {when: {model: x}, reply: {text: hi}}\n")
    assert run("check", ".") == 1
    assert "never answers" not in capsys.readouterr().out


def test_fix_writes_what_is_safe_and_tells_the_rest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "b.mock.yaml", BAD + "    qqqqqqqqqq: 1\n")
    assert run("check", "--fix", ".") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["mended", "mended", "b.mock.yaml", "1 error in 1 file"]
    fixed = BAD.replace("modle", "model").replace("25", "25ms")
    assert (folder / "b.mock.yaml").read_text(encoding="utf-8") == fixed + "    qqqqqqqqqq: 1\n"


def test_fix_leaves_right_files_alone(folder: Path) -> None:
    """Not even line ends change."""
    (folder / "a.mock.yaml").write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert run("check", "--fix", ".") == 0
    assert (folder / "a.mock.yaml").read_bytes() == GOOD.replace("\n", "\r\n").encode()


def test_what_cannot_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there, a folder without rule files, a file that is no text: 3, not 1."""
    assert run("check", "nowhere") == 3
    assert capsys.readouterr().out.startswith("nowhere: there is no such file or folder\n")
    write(folder, "b.mock.yaml", GOOD)
    assert run("check", "b.mock.yml") == 3
    assert "(did you mean `b.mock.yaml`?)" in capsys.readouterr().out
    (folder / "empty").mkdir()
    assert run("check", "empty") == 3
    (folder / "x.mock.yaml").write_bytes(b"\xff\xfe\x00")
    assert run("check", "x.mock.yaml") == 3


def test_no_path_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 2
    assert "PATH" in capsys.readouterr().err


def test_what_we_ship_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(disk.data("fixtures"))) == 0, capsys.readouterr().out


def test_a_response_field_that_no_client_could_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a rule sets must be what the API sends, part by part, unless the rule says that it is meant."""
    reply = (
        "reply: {text: hi, response: {temperature: hot, servce_tier: flex, text: {verbosity: low}, metadata: {a: b}}}"
    )
    write(folder, "a.mock.yaml", f"rules:\n  - {{name: a, {reply}}}\n")
    assert run("check", ".") == 1
    first, second, count = capsys.readouterr().out.splitlines()
    assert first.startswith("a.mock.yaml:2: `response.temperature` is not what the API sends: ")
    assert second == "a.mock.yaml:2: `response` has no field `servce_tier` in the API (did you mean `service_tier`?)"
    assert count == "2 errors in 1 file"
    write(folder, "a.mock.yaml", f"rules:\n  - {{name: a, allow_invalid: true, {reply}}}\n")
    assert run("check", ".") == 0
