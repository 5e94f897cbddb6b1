"""Real processes for the command line's tests: `python -m mockserver ...`, its ready line, requests to it, its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockserver.cli import main

COMMAND = [sys.executable, "-m", "mockserver"]
READY = "mockserver ready: "
PATIENCE = 20.0


def environment() -> dict[str, str]:
    """The environment without settings of whoever runs the tests; a path to import from holds in any folder."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("MOCKSERVER_")}
    if "PYTHONPATH" in found:
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, found["PYTHONPATH"].split(os.pathsep)))
    return found


@dataclass
class Served:
    """A `mockserver serve` that is ready. After `end`, `code`, `out` and `err` tell the rest."""

    process: subprocess.Popen[str]
    url: str
    code: int | None = None
    out: str = ""
    err: str = ""

    def post(self, body: object, path: str = "/responses", **headers: str) -> tuple[int, dict[str, str], str]:
        """Send JSON; return status, headers by lower-case name, and the body."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            sent = {"content-type": "application/json", **named}
            connection.request("POST", place.path + path, json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def ask(self, text: str, **fields: Any) -> dict[str, Any]:
        """Ask for a response; return its JSON."""
        answer: dict[str, Any] = json.loads(self.post({"model": "gpt-5", "input": text, **fields})[2])
        return answer

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        self.out, self.err = self.process.communicate(timeout=PATIENCE)
        self.code = self.process.returncode
        return self.code


@contextlib.contextmanager
def serving(
    *args: str, verb: str = "serve", command: Sequence[str] = COMMAND, cwd: Path | None = None, **environ: str
) -> Iterator[Served]:
    """Run `mockserver serve --port 0` with these arguments until left; `command` is another mockserver to run.

    `verb` is another command that serves: `record`, `replay`.
    """
    ours = environment()
    if command is not COMMAND:
        ours.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [*command, verb, "--port", "0", *args],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ours, **environ},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith(READY):
            out, err = process.communicate(timeout=PATIENCE)
            raise AssertionError(f"not ready: {line}{out}{err}")
        yield Served(process, line.removeprefix(READY).strip())
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run(*args: str) -> int:
    """Run a command in this process; return its exit code. What it prints is left to `capsys` or `capfd`."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code
