"""Starting what is measured: `mockserver serve` and the bare callable, each a process of its own on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

URL: Final = re.compile(r"http://[^\s/]+")


@contextlib.contextmanager
def running(*command: str) -> Iterator[tuple[str, int, float]]:
    """Run `python -m COMMAND`; yield its base URL, its process id and the seconds until it said so."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = URL.search(line)
        if found is None:
            raise RuntimeError(f"{' '.join(command)} did not start: {line!r}")
        yield found[0], process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def mock(rules: Path, *options: str) -> contextlib.AbstractContextManager[tuple[str, int, float]]:
    """Run `mockserver serve` with validation, matching and the journal on."""
    return running("mockserver", "serve", str(rules), "--port", "0", "--log", "off", *options)


def bare(
    folder: Path, headers: list[tuple[str, str]], frames: list[str], gap: float = 0.0
) -> contextlib.AbstractContextManager[tuple[str, int, float]]:
    """Run the bare callable with these headers, one write a frame, `gap` seconds apart."""
    file = folder / "bare.json"
    kept = [[name, value] for name, value in headers if name.lower() not in ("transfer-encoding", "connection")]
    file.write_text(json.dumps({"headers": kept, "frames": frames, "gap": gap}), encoding="utf-8")
    return running("bench.bare", str(file))


def ask(url: str, path: str, body: bytes) -> tuple[int, list[tuple[str, str]], str]:
    """Ask once; return status, headers and body."""
    request = urllib.request.Request(url + path, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.getheaders(), answer.read().decode()


def fetch(url: str) -> bytes:
    """Return what a GET answers."""
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


def memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def cpu(pid: int) -> float:
    """Return the CPU seconds a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
