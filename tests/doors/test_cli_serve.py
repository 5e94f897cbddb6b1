"""`mockserver serve` as a process: its ready line, its answers, its log and its ends."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.doors.processes import READY, Served, run, serving

RULES = """
rules:
  - name: greet
    when: {input: {contains: hello}}
    reply: {text: "Hi from the {{ user }}"}
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="a process there cannot be sent these signals")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "a.mock.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


@posix
def test_a_whole_life(rules: Path) -> None:
    """One line on stdout; variables, log and summary on stderr; 0 at the end."""
    with serving(str(rules)) as served:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.url.endswith("/v1")
        assert served.ask("hello")["output"][0]["content"][0]["text"] == "Hi from the hello"
        status, headers, body = served.post({"model": "m", "input": "bye"})
        assert status == 404
        assert headers["x-should-retry"] == "false"
        assert json.loads(body)["error"]["code"] == "no_matching_rule"
        assert served.end() == 0
    assert served.out == ""
    lines = served.err.splitlines()
    assert lines[0] == "mockserver: 1 rule from 1 file"
    assert f"export OPENAI_BASE_URL={served.url}" in lines
    assert "export OPENAI_API_KEY=mock" in lines
    assert any(f'POST /v1/responses 200 json {rules}:3 "greet"' in line for line in lines)
    assert any("404 miss" in line for line in lines)
    assert lines[-1] == "mockserver: stopped: 2 requests, 1 miss"
    assert "Traceback" not in served.err


def test_what_is_worth_knowing_of_rules_is_told_once(tmp_path: Path) -> None:
    """Such as a recording that somebody edited."""
    (tmp_path / "hi.mock.yaml").write_text(
        "rules: [{name: hi 1, request: {body: {input: hi}}, reply: {text: Hi!}, recorded: {reply: '00'}, exact: hi.1.json}]\n"
    )
    (tmp_path / "hi.1.json").write_text("{}")
    with serving(str(tmp_path)) as served:
        served.end()
    assert served.err.count("this reply was edited after it was recorded") == 1


@posix
def test_an_interrupt_ends_it_cleanly(rules: Path) -> None:
    with serving(str(rules), "--log", "off") as served:
        assert served.end(signal.SIGINT) == 0
    assert "Traceback" not in served.err
    assert served.err.splitlines()[-1] == "mockserver: stopped: 0 requests, 0 misses"


@posix
def test_without_rules_the_shipped_ones_answer() -> None:
    with serving("--speed", "0") as served:
        told = served.ask("anything")["output"][0]["content"][0]["text"]
        assert "mockserver" in told
        served.end()
    assert "no rules were given, so these are the shipped examples" in served.err


@posix
def test_the_catalogue_reaches_errors_and_events_by_model(rules: Path) -> None:
    """With `--catalogue`, beside the user's own rules; the wait is short at speed 0."""
    with serving(str(rules), "--catalogue", "--speed", "0") as served:
        status, headers, body = served.post({"model": "mock/error/slow_down", "input": "hello"})
        assert (status, json.loads(body)["error"]["code"]) == (503, "slow_down")
        assert (headers["retry-after"], headers["retry-after-ms"]) == ("1", "10")
        stream = served.post({"model": "mock/every-event", "input": "x", "stream": True})[2]
        assert "event: response.completed\n" in stream
        assert served.ask("hello")["status"] == "completed"
        served.end()


@posix
def test_flags_and_environment_reach_the_engine(rules: Path) -> None:
    """A key is wanted, an unknown field is let through, the clock stands still, and so do ids."""
    flags = ("--auth-key", "k1", "--allow-param", "novel", "--now", "2026-01-31T12:00:00Z", "--on-miss", "auto")
    with serving(str(rules), *flags, MOCKSERVER_SEED="7", MOCKSERVER_MAX_BODY="200") as served:
        assert served.post({"model": "m", "input": "hello"})[0] == 401
        status, _, body = served.post({"model": "m", "input": "hello", "novel": 1}, authorization="Bearer k1")
        assert status == 200
        assert json.loads(body)["created_at"] == 1769860800
        assert served.post({"model": "m", "input": "unmatched"}, authorization="Bearer k1")[0] == 200
        assert served.post({"model": "m", "input": "x" * 300}, authorization="Bearer k1")[0] == 413
        served.end()
        assert "export OPENAI_API_KEY=k1" in served.err


@posix
def test_an_edit_is_picked_up_and_a_bad_one_is_told(rules: Path) -> None:
    """A good edit answers within seconds; a bad one leaves the last good rules in place."""
    with serving(str(rules)) as served:
        rules.write_text("otherwise: {text: edited}\n", encoding="utf-8")
        assert _answers(served, "edited")
        rules.write_text("otherwise: {txt: broken}\n", encoding="utf-8")
        time.sleep(1.2)
        assert served.ask("hello")["output"][0]["content"][0]["text"] == "edited"
        served.end()
    assert "did you mean `text`?" in served.err
    assert "last good" in served.err


def _answers(served: Served, text: str) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = served.ask("x")
        if found.get("output", [{}])[0].get("content", [{}])[0].get("text") == text:
            return True
        time.sleep(0.1)
    return False


@posix
def test_two_signals_end_it_as_cleanly_as_one(rules: Path) -> None:
    """Supervisors often send the signal to the process and to its group."""
    with serving(str(rules), "--log", "off") as served:
        served.ask("hello")
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
        assert served.end() == 0
    assert "Traceback" not in served.err


@posix
def test_other_machines_need_a_token(rules: Path) -> None:
    """Where they can reach the server at all; one of one's own is never printed."""
    with serving(str(rules), "--host", "0.0.0.0") as served:
        served.end()
    assert "/_mock wants the token " in served.err
    with serving(str(rules), "--host", "0.0.0.0", MOCKSERVER_TOKEN="s3cret") as served:
        served.end()
    assert "the token in MOCKSERVER_TOKEN" in served.err
    assert "s3cret" not in served.err


def test_a_busy_port_is_a_misuse(rules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("serve", str(rules), "--port", str(port)) == 2
    told = capfd.readouterr()
    assert f"port {port} on 127.0.0.1 is in use" in told.err
    assert READY not in told.out


def test_every_mistake_in_the_rules_is_told_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.mock.yaml"
    path.write_text("rules:\n  - whn: {}\n    reply: {txt: hi}\n", encoding="utf-8")
    assert run("serve", str(path), "--port", "0") == 2
    told = capfd.readouterr()
    lines = told.err.splitlines()
    assert lines[0].startswith(f"{path}:2:5: rules[0].whn: ")  # terminals and editors make a link of it
    assert lines[1].startswith(f"{path}:3:13: rules[0].reply.txt: ")
    assert lines[-1] == "mockserver: these rules cannot be used"
    assert told.out == ""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--speed", "fast"), "--speed: expected a factor"),
        (("--on-miss", "forward"), "--on-miss: forward needs --upstream URL"),
        (("--upstream", "http://me@host"), "without user and password"),
        (("--upstream", "https://host/v1", "--upstream-ca", "/no/such.pem"), "cannot use /no/such.pem: No such file"),
        (("--workers", "2"), "several workers are not available"),
        (("--dialect", "standrad"), "did you mean standard?"),
        (("missing.mock.yaml",), "missing.mock.yaml"),
    ],
)
def test_a_wrong_setting_is_a_misuse(flags: tuple[str, ...], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("serve", "--port", "0", *flags) == 2
    told = capfd.readouterr()
    assert words in told.err
    assert told.out == ""
