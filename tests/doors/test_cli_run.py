"""`mockserver run`: a command with a server around it, and the verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.doors.processes import run

ASK = """
import json, os, sys, urllib.request
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/responses",
    json.dumps({"model": "m", "input": sys.argv[1]}).encode(),
    {"content-type": "application/json", "authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
)
try:
    print(json.load(urllib.request.urlopen(request))["output"][0]["content"][0]["text"])
except urllib.error.HTTPError as error:
    print("swallowed", error.code)
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "a.mock.yaml"
    path.write_text("rules: [{when: {input: hello}, reply: {text: Hi}}]\n", encoding="utf-8")
    return str(path)


def test_the_command_reaches_the_server_and_its_output_is_its_own(
    rules: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("run", rules, "--auth-key", "secret", "--", sys.executable, "-c", ASK, "hello") == 0
    assert capfd.readouterr().out.split() == ["Hi"]


def test_help_tells_the_defaults_of_run(capfd: pytest.CaptureFixture[str]) -> None:
    """They are not those of `serve`."""
    assert run("run", "--help") == 0
    told = " ".join(capfd.readouterr().out.split())
    assert "0 takes any that is free. Default: 0. [MOCKSERVER_PORT]" in told
    assert "One line per request on stderr. Default: off. [MOCKSERVER_LOG]" in told


def test_a_miss_fails_a_command_that_passed(rules: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Even though the command swallowed the error; the miss is told with its nearest rule."""
    assert run("run", rules, "--", sys.executable, "-c", ASK, "goodbye") == 1
    told = capfd.readouterr()
    assert told.out.split() == ["swallowed", "404"]
    assert "1 of 1 requests matched no rule" in told.err
    assert "goodbye" in told.err


def test_the_commands_own_failure_comes_first(rules: str) -> None:
    program = ASK + "\nsys.exit(7)"
    assert run("run", rules, "--", sys.executable, "-c", program, "goodbye") == 7


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_a_command_that_a_signal_ended(rules: str) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run("run", rules, "--", sys.executable, "-c", program) == 137


def test_proxies_are_kept_out(rules: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A proxy in the environment is not asked for this machine, and its other exceptions stay."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    program = ASK + '\nprint(os.environ["NO_PROXY"])'
    assert run("run", rules, "--", sys.executable, "-c", program, "hello") == 0
    assert capfd.readouterr().out.split() == ["Hi", "example.com,127.0.0.1,localhost,::1"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "after `--`"),
        (("--",), "after `--`"),
        (("--speed", "x", "--", "true"), "--speed"),
        (("--", "no-such-command-here"), "cannot run no-such-command-here"),
    ],
)
def test_wrong_use(rules: str, args: tuple[str, ...], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("run", rules, *args) == 2
    assert words in capfd.readouterr().err
