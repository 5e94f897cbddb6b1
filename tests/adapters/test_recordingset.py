"""Where recordings go: never over what stands there, and a new set in place of an old one only as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.adapters import disk
from mockserver.adapters.recordingset import MOST_IN_FILE, Place, RecordingSet
from mockserver.core.errors import RuleFileError
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.editing import listed

HAND = "rules:\n  # mine\n  - name: mine\n    when: {input: hello}\n    reply: {text: hi}\n"


def asked(text: str) -> Capture:
    body = json.dumps({"model": "gpt-5", "input": text}).encode()
    return Capture("POST", "/v1/responses", 200, (), (Piece(0, b"{}"),), request_body=body)


def entry(name: str, exact: str = "") -> str:
    """A recorded rule in its shortest form."""
    more = f"    exact: {exact}\n" if exact else ""
    return f"  - name: {name}\n    request: {{body: {{input: hello}}}}\n    reply: {{text: hi}}\n{more}"


def add(into: RecordingSet, text: str = "hello", *, exact: str = "") -> Place:
    """Note one exchange as the recorder does."""
    into.prepare()
    place = into.place(asked(text), lambda told: None)
    name = f"{place.stem}.{place.number}.txt" if exact else ""
    if exact:
        disk.write_whole(place.path.with_name(name), exact)
    disk.write_whole(place.path, place.text_with(entry(f"{place.stem} {place.number}", name), {}))
    return place


def names(path: Path) -> list[str]:
    return [rule["name"] for rule in listed(path.read_text())]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_conversation_is_one_file(tmp_path: Path) -> None:
    """Its exchanges are numbered; another conversation has a file of its own."""
    into = RecordingSet(tmp_path / "made" / "here")
    assert into.is_empty
    add(into)
    add(into)
    add(into, "good bye")
    assert not RecordingSet(into.folder).is_empty
    assert files(into.folder) == ["good-bye.mock.yaml", "hello.mock.yaml"]
    assert names(into.folder / "hello.mock.yaml") == ["hello 1", "hello 2"]


def test_somebody_s_own_rules_are_left_alone(tmp_path: Path) -> None:
    """A file of the same name with hand-written rules alone is not added to."""
    (tmp_path / "hello.mock.yaml").write_text(HAND)
    add(RecordingSet(tmp_path))
    assert (tmp_path / "hello.mock.yaml").read_text() == HAND
    assert names(tmp_path / "hello-2.mock.yaml") == ["hello-2 1"]


def test_a_name_that_differs_in_case_only(tmp_path: Path) -> None:
    """Where such names are one file, nobody loses theirs."""
    (tmp_path / "Hello.mock.yaml").write_text("rules:\n" + entry("Hello 1"))
    assert add(RecordingSet(tmp_path)).path.name == "hello-2.mock.yaml"


def test_an_unreadable_file_is_told_once_and_left_alone(tmp_path: Path) -> None:
    """With its line; recordings go elsewhere."""
    wrong = "rules:\n  - nme: x\n"
    (tmp_path / "hello.mock.yaml").write_text(wrong)
    into, told = RecordingSet(tmp_path), list[str]()
    for _ in range(2):
        assert into.place(asked("hello"), told.append).path.name == "hello-2.mock.yaml"
    assert (tmp_path / "hello.mock.yaml").read_text() == wrong
    assert len(told) == 1
    assert "hello.mock.yaml:2:5" in told[0]
    assert "it is left as it is" in told[0]


@pytest.mark.parametrize("wrong", [b"rules:\n  - nme: x\n", b"\xff\xfe", b"rules: ["])
def test_an_unreadable_file_of_one_test_is_an_error(tmp_path: Path, wrong: bytes) -> None:
    """There is no other file to take."""
    path = tmp_path / "test_it.mock.yaml"
    path.write_bytes(wrong)
    with pytest.raises(RuleFileError, match=r"test_it\.mock\.yaml"):
        RecordingSet(tmp_path, path.name).place(asked("hello"), print)
    assert path.read_bytes() == wrong


def test_many_of_one_conversation(tmp_path: Path) -> None:
    """A file does not grow without end."""
    rows = "".join(entry(f"hello {number}") for number in range(1, MOST_IN_FILE + 1))
    (tmp_path / "hello.mock.yaml").write_text("rules:\n" + rows)
    assert add(RecordingSet(tmp_path)).path.name == "hello-2.mock.yaml"


def test_numbers_avoid_bytes_that_nobody_names(tmp_path: Path) -> None:
    """What a crash left behind is not overwritten."""
    (tmp_path / "hello.7.sse").write_text("left behind")
    assert add(RecordingSet(tmp_path)).number == 8


def test_a_set_of_one_file(tmp_path: Path) -> None:
    """All goes into it, whatever was asked."""
    into = RecordingSet(tmp_path, "test_it.mock.yaml")
    assert into.is_empty
    add(into)
    add(into, "good bye")
    assert names(tmp_path / "test_it.mock.yaml") == ["test_it 1", "test_it 2"]
    assert not RecordingSet(tmp_path, "test_it.mock.yaml").is_empty


def test_replacing(tmp_path: Path) -> None:
    """Until the end the old set stands; then the new one, hand-written rules and comments kept."""
    old = RecordingSet(tmp_path)
    add(old, exact="old bytes")
    add(old, exact="more old bytes")
    add(old, "gone", exact="gone")
    kept = tmp_path / "hello.mock.yaml"
    kept.write_text(kept.read_text() + HAND.removeprefix("rules:\n"))
    (tmp_path / "own.mock.yaml").write_text(HAND)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    new = RecordingSet(tmp_path, replaces=True)
    add(new, exact="new bytes")
    add(new, "another")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert new.finish(clean=True).endswith("is replaced")
    assert files(tmp_path) == ["another.mock.yaml", "hello.1.txt", "hello.mock.yaml", "own.mock.yaml"]
    assert (tmp_path / "hello.1.txt").read_text() == "new bytes"
    assert names(kept) == ["mine", "hello 1"]
    assert "# mine" in kept.read_text()
    assert (tmp_path / "own.mock.yaml").read_text() == HAND


@pytest.mark.parametrize("noted", [True, False])
def test_an_unclean_end_or_nothing_noted(tmp_path: Path, noted: bool) -> None:
    """The old set stays, and nothing is left behind."""
    add(RecordingSet(tmp_path), exact="old bytes")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    new = RecordingSet(tmp_path, replaces=True)
    if noted:
        add(new)
    told = new.finish(clean=not noted)
    assert told.endswith("stays as it is")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="whether a process lives is not asked there")
def test_what_a_killed_process_left_behind_goes(tmp_path: Path) -> None:
    """With the next set that is put together; that of a living process stays."""
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    dead, alive = tmp_path / f".new-{done.stdout.strip()}-abc", tmp_path / f".new-{os.getppid()}-abc"
    for stage in (dead, alive):
        stage.mkdir()
        (stage / "hello.mock.yaml").write_text("rules: []\n")
    new = RecordingSet(tmp_path, replaces=True)
    add(new)
    new.finish(clean=True)
    assert files(tmp_path) == [alive.name, "hello.mock.yaml"]


def test_replacing_leaves_unreadable_files_alone(tmp_path: Path) -> None:
    """They are neither read nor taken away."""
    (tmp_path / "broken.mock.yaml").write_text("rules: [")
    new = RecordingSet(tmp_path, replaces=True)
    add(new)
    new.finish(clean=True)
    assert files(tmp_path) == ["broken.mock.yaml", "hello.mock.yaml"]


def test_replacing_one_file(tmp_path: Path) -> None:
    """Its neighbours are nobody's business."""
    add(RecordingSet(tmp_path, "a.mock.yaml"), exact="old")
    add(RecordingSet(tmp_path, "b.mock.yaml"), exact="other")
    new = RecordingSet(tmp_path, "a.mock.yaml", replaces=True)
    add(new)
    new.finish(clean=True)
    assert files(tmp_path) == ["a.mock.yaml", "b.1.txt", "b.mock.yaml"]
    assert names(tmp_path / "a.mock.yaml") == ["a 1"]


def test_files_of_one_conversation_are_read_in_the_order_of_their_recordings(tmp_path: Path) -> None:
    """The same question asked more often than one file takes is answered in recorded order."""
    into = RecordingSet(tmp_path)
    stood = [add(into).path.name for _ in range(2 * MOST_IN_FILE + 1)]
    assert [path.name for path in disk.rule_files(tmp_path)] == list(dict.fromkeys(stood))
