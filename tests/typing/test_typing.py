"""What a type checker makes of rules built in Python: right ones pass, and each mistake is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
IGNORED = re.compile(r"  # type: ignore\[([a-z-]+(?:, [a-z-]+)*)\]$")


def checked(*files: Path) -> list[str]:
    """Return what mypy, as strict as this project is, says about these files alone."""
    from mypy import api

    options = ["--config-file", str(ROOT / "pyproject.toml"), "--follow-imports=silent", "--no-error-summary"]
    said, wrong, _ = api.run([*options, "--hide-error-context", *map(str, files)])
    assert wrong == ""
    return [line for line in said.splitlines() if ": error: " in line]


def test_the_type_checker_accepts_what_is_right_and_refuses_each_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line of `refused.py` that ignores an error has that error once the ignoring is taken away."""
    pytest.importorskip("mypy")
    monkeypatch.chdir(ROOT)
    lines = (HERE / "refused.py").read_text(encoding="utf-8").splitlines()
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(IGNORED.sub("", line) for line in lines) + "\n", encoding="utf-8")
    expected = {number: found[1] for number, line in enumerate(lines, 1) if (found := IGNORED.search(line))}
    refused: dict[int, set[str]] = {}
    for error in checked(HERE / "accepted.py", bare):
        place, _, said = error.partition(": error: ")
        file, _, line = place.rpartition(":")
        assert Path(file).name == "bare.py", error
        refused.setdefault(int(line), set()).add(said.rpartition("[")[2].rstrip("]"))
    assert {number: ", ".join(sorted(codes)) for number, codes in refused.items()} == expected
    assert len(expected) > 30


def test_pyright_accepts_and_refuses_the_same(tmp_path: Path) -> None:
    """Another type checker, where one is installed: every right line passes, every wrong one is found."""
    pytest.importorskip("pyright")
    lines = (HERE / "refused.py").read_text(encoding="utf-8").splitlines()
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(IGNORED.sub("", line) for line in lines) + "\n", encoding="utf-8")
    settings = {"include": [str(bare), str(HERE / "accepted.py")], "extraPaths": [str(ROOT)], "strict": [str(bare)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "-p", str(tmp_path), "--pythonpath", sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if ran.returncode > 1 or not ran.stdout.startswith("{"):
        pytest.skip(f"pyright does not run here: {ran.stdout[:200]}{ran.stderr[:200]}")
    found = [each for each in json.loads(ran.stdout)["generalDiagnostics"] if each["severity"] == "error"]
    assert [each for each in found if Path(each["file"]).name != "bare.py"] == []
    expected = {number for number, line in enumerate(lines, 1) if IGNORED.search(line)}
    refused = {each["range"]["start"]["line"] + 1 for each in found}
    assert expected - refused == set()
