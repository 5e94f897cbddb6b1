"""Storing recordings: the files beside a rule file and the rule file together, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver.adapters.storing import store


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_all_of_it_is_written(tmp_path: Path) -> None:
    """What stands with the same content is not touched: other recordings name it too."""
    (tmp_path / "cat.png").write_bytes(b"cat")
    before = (tmp_path / "cat.png").stat()
    store(tmp_path / "a.mock.yaml", "rules: []\n", {"cat.png": b"cat", "a.1.sse": b"bytes"})
    assert content(tmp_path) == {"a.mock.yaml": b"rules: []\n", "cat.png": b"cat", "a.1.sse": b"bytes"}
    after = (tmp_path / "cat.png").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """Here a folder stands where the rule file should."""
    (tmp_path / "a.mock.yaml").mkdir()
    (tmp_path / "a.1.sse").write_bytes(b"old")
    with pytest.raises(OSError, match="directory"):
        store(tmp_path / "a.mock.yaml", "rules: []\n", {"a.1.sse": b"new", "cat.png": b"cat"})
    assert content(tmp_path) == {"a.1.sse": b"old"}
