"""`mockserver check` of recordings: what fails, and what is only worth knowing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.doors.processes import run

RULE = """\
rules:
  - name: hi 1
    request: {body: {model: m, stream: true}}
    reply: {text: Hello, response: {service_tier: never-heard-of}}
    exact: hi.1.sse
    recorded: {AT}
"""


def container(*frames: bytes) -> bytes:
    parts = [b"@ 1.000 %d\n%b\n" % (len(frame), frame) for frame in frames]
    return b"mockserver exact 1\nhead 1.000\n" + b"".join(parts) + b"end 2.000\n"


def event(kind: str, number: int, **fields: object) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": number, **fields})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def response(status: str) -> dict[str, object]:
    return {"id": "resp_1", "status": status, "output": []}


LEGAL = container(
    event("response.created", 0, response=response("in_progress")),
    event("response.in_progress", 1, response=response("in_progress")),
    event("response.completed", 2, response=response("completed")),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "hi.mock.yaml").write_text(RULE.replace("{AT}", "{}"))
    (tmp_path / "hi.1.sse").write_bytes(LEGAL)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()[:-1]


def test_a_recording_has_nothing_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the API sent is not judged by what we would send."""
    assert run("check", ".") == 0
    assert found(capsys) == []


@pytest.mark.parametrize("change", ["missing", "changed"])
def test_an_exact_file_that_cannot_be_used_fails(folder: Path, capsys: pytest.CaptureFixture[str], change: str) -> None:
    """The recording could not be served."""
    if change == "missing":
        (folder / "hi.1.sse").unlink()
    else:
        (folder / "hi.1.sse").write_bytes(LEGAL.replace(b"\n", b"\r\n"))
    assert run("check", ".") == 1
    [line] = found(capsys)
    assert line.startswith("hi.mock.yaml:5:5: rules[0].exact: ")
    assert ("exact file missing" in line) is (change == "missing")
    assert ("line ends were converted" in line) is (change == "changed")


def test_a_missing_file_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever looks for secrets beside has nothing to add."""
    (folder / "other.mock.yaml").write_text(RULE.replace("{AT}", "{}").replace("hi.1.sse", "other.1.sse"))
    assert run("check", ".") == 1
    [line] = found(capsys)
    assert "exact file missing: there is no other.1.sse" in line


def test_an_edited_reply_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is allowed: the exit code says so."""
    (folder / "hi.mock.yaml").write_text(RULE.replace("{AT}", "{reply: '00'}"))
    assert run("check", ".") == 0
    [line] = found(capsys)
    assert line.startswith("warning: hi.mock.yaml:4:5: rules[0].reply: this reply was edited after it was recorded")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            LEGAL.replace(b'"sequence_number": 2', b'"sequence_number": 5'),
            "warning: hi.mock.yaml:2: the recorded stream is not legal: event 2: sequence_number is 5; expected 2"
            " (it was sent so; it is kept so)",
        ),
        (
            container(b"data: {\n\n"),
            "warning: hi.mock.yaml:2: an event of the recorded stream is no JSON object: '{'",
        ),
    ],
)
def test_a_stream_that_breaks_the_grammar_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    """It was really sent: nothing fails."""
    (folder / "hi.1.sse").write_bytes(content)
    assert run("check", ".") == 0
    assert found(capsys) == [told]


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ("end: partial, why: it went away", "the client left before the end (it went away)"),
        ("end: unreachable", "the upstream gave no answer, this one is ours"),
    ],
)
def test_a_recording_that_broke_off_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], noted: str, told: str
) -> None:
    """And how."""
    (folder / "hi.mock.yaml").write_text(RULE.replace("{AT}", f"{{{noted}}}"))
    assert run("check", ".") == 0
    [line] = found(capsys)
    assert line.startswith(f"warning: hi.mock.yaml:2: recorded in part: {told}")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1), ("1", 1), ("false", 0)])
def test_old_recordings_fail_in_ci_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ci: str, code: int
) -> None:
    """Where people work, a warning will do."""
    monkeypatch.setenv("CI", ci)
    (folder / "recordings.yaml").write_text("max_age: 30d\n")
    at = datetime.now(UTC) - timedelta(days=40)
    (folder / "hi.mock.yaml").write_text(RULE.replace("{AT}", f"{{at: '{at.isoformat()}'}}"))
    assert run("check", ".") == code
    [line] = found(capsys)
    assert line.removeprefix("warning: ") == (
        "hi.mock.yaml:2: this recording is 40 days old; it may be 30 days"
        " (record it again, or change `max_age` in recordings.yaml)"
    )
    assert line.startswith("warning: ") is (code == 0)
    (folder / "recordings.yaml").write_text("max_age: 6w\n")
    assert run("check", ".") == 0


def test_a_recording_without_a_date_is_as_old_as_can_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could tell otherwise."""
    (folder / "recordings.yaml").write_text("max_age: 1d\n")
    assert run("check", ".") == 0
    [line] = found(capsys)
    assert "nobody knows how old this recording is; it may be 1 day" in line


def test_exact_files_that_nobody_names_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are left over; where single files are checked, others may name them."""
    (folder / "hi.2.sse").write_bytes(LEGAL)
    assert run("check", ".") == 1
    assert found(capsys) == ["warning: hi.2.sse: no recording names this file of recorded bytes (delete it)"]
    assert run("check", "hi.mock.yaml") == 0
