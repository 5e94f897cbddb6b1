"""Whatever comes in, the server answers, bounded and in the provider's shape, and ends as it should: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.doors.processes import COMMAND, PATIENCE, READY, environment, serving

posix = pytest.mark.skipif(sys.platform == "win32", reason="descriptors and signals are the POSIX ones")

RULES = """
rules:
  - {name: made up, when: {model: auto}, reply: {auto: true}}
  - {name: said back, when: {model: echo}, reply: {text: "{{ input }}"}}
  - {name: stalls, when: {model: stall}, reply: {text: one two three, faults: [{stall: {after: {text: two}}}]}}
otherwise: {text: ok}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "a.mock.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


def free_port() -> int:
    from mockserver.adapters.server import bind

    with bind() as sock:
        return int(sock.getsockname()[1])


def models(port: int) -> int:
    """Ask for the models until the server is there; return the status."""
    until = time.monotonic() + PATIENCE
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v1/models")
            return connection.getresponse().status
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


@posix
@pytest.mark.parametrize(
    "redirected",
    [">&-", "2>&-", "<&- >&- 2>&-", *([">/dev/full", "2>/dev/full"] if os.path.exists("/dev/full") else [])],
)
def test_it_serves_and_ends_with_0_where_nobody_can_hear_it(rules: Path, redirected: str) -> None:
    """Closed and full streams: nothing to say is no reason to stop."""
    port = free_port()
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, "serve", "--port", str(port), str(rules)]
    process = subprocess.Popen(
        shell, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert models(port) == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in out + err


@posix
def test_it_outlives_whoever_reads_it(rules: Path) -> None:
    """The pipes of stdout and stderr break: answers, reload and exit code stay as they are."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", str(rules)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        port = int(process.stdout.readline().removeprefix(READY).rpartition(":")[2].partition("/")[0])
        process.stdout.close()
        process.stderr.close()
        for _ in range(3):
            assert models(port) == 200
        rules.write_text(RULES + "\n", encoding="utf-8")
        time.sleep(1.0)
        assert models(port) == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon_whatever_is_open(rules: Path, number: int) -> None:
    """Stalled streams, half a request, an idle connection: 0 within seconds, and the summary is said."""
    with serving(str(rules), "--log", "off") as served:
        port = int(served.url.rpartition(":")[2].partition("/")[0])
        open_ones = [HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(12)]
        for connection in open_ones[:10]:
            body = b'{"model": "stall", "input": "x", "stream": true}'
            connection.request("POST", "/v1/responses", body, {"content-type": "application/json"})
            assert connection.getresponse().read(20)
        open_ones[10].connect()
        open_ones[11].connect()
        open_ones[11].send(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-le")
        began = time.monotonic()
        assert served.end(number) == 0
        assert time.monotonic() - began < 3
        for connection in open_ones:
            connection.close()
    assert served.err.splitlines()[-1] == "mockserver: stopped: 10 requests, 0 misses"
    assert "Traceback" not in served.err


def under_run(rules: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "run", str(rules), "--", *command],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@posix
@pytest.mark.parametrize(
    ("script", "code"), [("kill -9 $$", 137), ("kill -SEGV $$", 139), ("exit 7", 7), ("exec 1>&- 2>&-; exit 0", 0)]
)
def test_run_ends_as_its_command_ended(rules: Path, script: str, code: int) -> None:
    with under_run(rules, "sh", "-c", script) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in err


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_run_hands_signals_on_and_waits(rules: Path, number: int) -> None:
    """One that takes them ends; one that ignores them is waited for, and its code is the code."""
    with under_run(rules, "sh", "-c", "echo up; exec sleep 30") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
    with under_run(rules, "sh", "-c", "trap '' TERM HUP INT; echo up; sleep 1; exit 5") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 5
