"""`mockserver log` against a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.cli.journal import _origin, line
from tests.doors.processes import COMMAND, PATIENCE, environment, run
from tests.live import Live, serving


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    path = tmp_path / "a.mock.yaml"
    path.write_text("rules: [{name: hi, when: {input: hello}, reply: {text: Hi}}]\n", encoding="utf-8")
    with serving(path) as live:
        yield live


def ask(live: Live, text: str, session: str = "") -> None:
    base = live.session_url(session) if session else live.base_url
    body = json.dumps({"model": "m", "input": text}).encode()
    request = urllib.request.Request(base + "/responses", body, {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        error.read()
        error.close()


def test_one_line_each_and_a_miss_with_its_block(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    ask(live, "hello")
    ask(live, "bye")
    assert run("log", "--url", live.base_url) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " default POST /v1/responses 200 json " in lines[0]
    assert '"hi"' in lines[0]
    assert lines[0].endswith("ms complete")
    assert " 404 miss " in lines[1]
    assert any("nearest:" in line for line in lines[2:])


def test_an_early_end_tells_how_many_events_were_sent() -> None:
    entry = {
        "time": 0.0, "session": "default", "method": "POST", "path": "/p", "status": 200, "kind": "stream", "rule": "",
        "place": "", "events": 14, "sent_ms": [0.1] * 5, "ended": "reset", "duration_ms": 3.2, "violations": [],
        "notes": [], "miss": "",
    }  # fmt: skip
    assert line(entry).endswith(" 200 stream 5/14ev 3ms reset")
    assert line({**entry, "sent_ms": [0.1] * 14, "ended": "complete"}).endswith(" 200 stream 14ev 3ms complete")
    assert line({**entry, "sent_ms": None, "ended": None}).endswith(" 200 stream 14ev open")


def test_misses_only_and_then_the_exit_code_says_so(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    ask(live, "hello")
    assert run("log", "--misses", "--url", live.url) == 0
    assert capsys.readouterr().out == ""
    ask(live, "bye")
    assert run("log", "--misses", "--url", live.url) == 1
    assert capsys.readouterr().out.count("POST /v1/responses") == 2  # the line, and its explanation


def test_one_session_only(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    ask(live, "hello", "mine")
    ask(live, "hello", "yours")
    assert run("log", "--session", "mine", "--url", live.url, "--format", "json") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["session"] for entry in entries] == ["mine"]
    assert entries[0]["body"] == {"model": "m", "input": "hello"}


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_follow_goes_on_until_interrupted(live: Live) -> None:
    ask(live, "hello")
    process = subprocess.Popen(
        [*COMMAND, "log", "-f", "--url", live.url], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    assert "200 json" in process.stdout.readline()
    ask(live, "bye")
    assert "404 miss" in process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_no_server_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("log", "--url", "127.0.0.1:9") == 3
    assert "no mockserver answers at 127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:99/v1", "http://127.0.0.1:99"),
        ("http://127.0.0.1:99/s/mine/v1/", "http://127.0.0.1:99"),
        ("localhost:99", "http://localhost:99"),
        (None, "http://127.0.0.1:4321"),
    ],
)
def test_what_people_paste(url: str | None, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKSERVER_PORT", "4321")
    assert _origin(url) == origin
