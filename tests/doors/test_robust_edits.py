"""What may happen to rule files while they are served, and to files while they are written: the last good rules stay,
each mistake is told once, and nothing is ever half there. Real processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockserver.adapters import disk
from tests.doors.processes import COMMAND, PATIENCE, Served, environment, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, FIFOs and signals are the POSIX ones")

GOOD = """rules:
  - {name: n, when: {model: count}, replies: [{text: one}, {text: two}, {text: three}, {text: four}]}
otherwise: {text: SAID}
"""
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)


class Edited:
    """A folder of one rule file, served; what the server says about it is read as it comes."""

    def __init__(self, folder: Path, served: Served, said: Path) -> None:
        self.folder = folder
        self.file = folder / "a.mock.yaml"
        self.served = served
        self._said = said

    def write(self, said: str) -> None:
        """Put a good file there, whatever stands there now."""
        if self.file.is_dir() and not self.file.is_symlink():
            shutil.rmtree(self.file)
        elif self.file.is_symlink() or self.file.exists():
            self.file.unlink()
        self.file.write_text(GOOD.replace("SAID", said), encoding="utf-8")

    def reports(self) -> int:
        return self._said.read_text(encoding="utf-8").count("rules not reloaded, the last good ones stay")

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self._said.read_text(encoding="utf-8")
            time.sleep(0.05)

    def says(self, model: str = "m") -> str:
        answer = json.loads(self.served.post({"model": model, "input": "x"})[2])
        return str(answer["output"][0]["content"][0]["text"])


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[Edited]:
    """The folder as it is served; in the end the server stops with 0 and has shown no traceback."""
    folder, said = tmp_path / "rules", tmp_path / "said"
    folder.mkdir()
    (folder / "a.mock.yaml").write_text(GOOD.replace("SAID", "first"), encoding="utf-8")
    with said.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--log", "off", str(folder)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(),
        )
    try:
        assert process.stdout is not None
        served = Served(process, process.stdout.readline().partition(": ")[2].strip())
        yield Edited(folder, served, said)
        assert served.end() == 0
        assert "Traceback" not in said.read_text(encoding="utf-8")
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def fifo(edited: Edited) -> None:
    edited.file.unlink()
    os.mkfifo(edited.file)


def link(to: str) -> Callable[[Edited], None]:
    def put(edited: Edited) -> None:
        edited.file.unlink()
        edited.file.symlink_to(to)

    return put


def folder_instead(edited: Edited) -> None:
    edited.file.unlink()
    edited.file.mkdir()


BAD: dict[str, Callable[[Edited], object]] = {
    "cut off": lambda edited: edited.file.write_text(GOOD[:60], encoding="utf-8"),
    "empty": lambda edited: edited.file.write_text("", encoding="utf-8"),
    "deleted": lambda edited: edited.file.unlink(),
    "a folder instead": folder_instead,
    "no UTF-8": lambda edited: edited.file.write_bytes(b"rules:\n  - \xff\xfe"),
    "NULs": lambda edited: edited.file.write_bytes(b"\0" * 4096),
    "a link in a ring": link("a.mock.yaml"),
    "a link to nothing": link("nowhere"),
    "a FIFO": fifo,
    "a bomb of aliases": lambda edited: edited.file.write_text(LAUGHS, encoding="utf-8"),
    "nested": lambda edited: edited.file.write_text("otherwise: {json: " + "[" * 50_000, encoding="utf-8"),
    "flat": lambda edited: edited.file.write_text("[" * 50_000, encoding="utf-8"),
    "a pattern without an end": lambda edited: edited.file.write_text(
        GOOD.replace("model: count", 'input: {matches: "(a+)+$"}'), encoding="utf-8"
    ),
    "a header of two lines": lambda edited: edited.file.write_text(
        'otherwise: {text: x, headers: {x-a: "1\\r\\nset-cookie: y"}}\n', encoding="utf-8"
    ),
    "code": lambda edited: edited.file.write_text(
        'otherwise: {text: !!python/object/apply:os.system ["touch x"]}\n', encoding="utf-8"
    ),
}


def test_bad_edits_change_nothing_and_are_told_once(edited: Edited) -> None:
    """Each in turn, then a good one: the rules of before stay, one report comes, then the good ones are served."""
    before = edited.says()
    for number, (name, spoil) in enumerate(BAD.items(), 1):
        spoil(edited)
        edited.until(lambda number=number: edited.reports() == number)  # type: ignore[misc]  # a default
        assert edited.says() == before, name
        edited.write(f"after {number}")
        edited.until(lambda number=number: edited.says() == f"after {number}")  # type: ignore[misc]  # the same
        before = f"after {number}"
        assert edited.reports() == number, name
    edited.folder.rename(edited.folder.with_name("elsewhere"))
    edited.until(lambda: edited.reports() == len(BAD) + 1)
    time.sleep(1.1)  # two polls more: it is told once
    assert edited.reports() == len(BAD) + 1
    assert edited.says() == before
    edited.folder.with_name("elsewhere").rename(edited.folder)
    edited.until(lambda: "rules reloaded" in edited._said.read_text(encoding="utf-8").splitlines()[-1])


def test_counts_survive_fifty_edits_in_a_row(edited: Edited) -> None:
    """They go by file and rule name. The last edit wins, and a ring of folders is walked once."""
    assert edited.says("count") == "one"
    (edited.folder / "again").symlink_to(edited.folder)
    for number in range(50):
        edited.file.write_text(GOOD.replace("SAID", f"edit {number}"), encoding="utf-8")
        time.sleep(0.005)
        if number % 10 == 0:
            assert edited.says()
    edited.until(lambda: edited.says() == "edit 49")
    assert [edited.says("count") for _ in range(3)] == ["two", "three", "four"]
    assert edited.reports() == 0


def test_unreadable_for_a_while(edited: Edited) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is unreadable for the superuser")
    edited.file.chmod(0)
    edited.until(lambda: edited.reports() == 1)
    assert edited.says() == "first"
    edited.file.chmod(0o644)
    edited.write("again")
    edited.until(lambda: edited.says() == "again")


def test_a_kill_while_rules_are_reloaded_loses_nothing(tmp_path: Path) -> None:
    """The server only reads them: byte for byte what was written, nothing beside it, and the next one serves it."""
    file = tmp_path / "a.mock.yaml"
    file.write_text(GOOD, encoding="utf-8")
    for attempt in range(3):
        with serving("--log", "off", str(tmp_path)) as served:
            wanted = GOOD.replace("SAID", f"killed {attempt} " + "x" * 500_000)
            file.write_text(wanted, encoding="utf-8")
            time.sleep(0.3 + 0.15 * attempt)
            served.end(signal.SIGKILL)
        assert file.read_text(encoding="utf-8") == wanted
        assert [path.name for path in tmp_path.iterdir()] == ["a.mock.yaml"]


def killed(*args: str, cwd: Path, after: float) -> None:
    """Run a command and kill it after so many seconds, wherever it is then."""
    process = subprocess.Popen(
        [*COMMAND, *args], cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(after)
    process.kill()
    process.wait()


MISSPELT = "rules:\n" + "".join(
    f"  - {{name: r{number}, when: {{model: m{number}}}, repyl: {{text: yes{number}}}}}\n" for number in range(20)
)


def test_a_kill_while_files_are_written_leaves_whole_ones(tmp_path: Path) -> None:
    """`check --fix`, `init` and `schemas build`, killed at any moment: each file is the old one, the new one, or not there."""
    chance = random.Random(7)
    file = tmp_path / "a.mock.yaml"
    made = tmp_path / "whole"
    source = disk.data("schemas") / "openapi.yaml"
    build = ("schemas", "build", str(source), "--into")
    file.write_text(MISSPELT, encoding="utf-8")
    subprocess.run([*COMMAND, "check", "--fix", str(file)], env=environment(), capture_output=True, check=False)
    mended = file.read_text(encoding="utf-8")
    assert mended == MISSPELT.replace("repyl", "reply")
    for _ in range(6):
        file.write_text(MISSPELT, encoding="utf-8")
        killed("check", "--fix", str(file), cwd=tmp_path, after=chance.uniform(0.1, 0.6))
        assert file.read_text(encoding="utf-8") in (MISSPELT, mended)
    for number in range(4):
        begun = tmp_path / f"begun{number}"
        begun.mkdir()
        killed("init", cwd=begun, after=chance.uniform(0.05, 0.4))
        assert not disk.read_rules([path for path in begun.rglob("*.mock.yaml") if path.name[0] != "."]).errors
    if source.exists():
        for _ in range(4):
            killed(*build, str(made), cwd=tmp_path, after=chance.uniform(0.2, 1.0))
            for path in made.rglob("*.json"):
                if path.name[0] != ".":
                    json.loads(path.read_bytes())
