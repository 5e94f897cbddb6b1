"""`mockserver init` and `mockserver schema`: a first project, and the schema that editors use."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jsonschema
import pytest
import yaml

from mockserver.cli.starting import FIRST
from mockserver.core.rulefiles import schema as rulefile_schema
from tests.doors.processes import run
from tests.live import serving


def test_a_new_project_is_ready_to_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three files; the rules have no mistakes, and the comment in them tells how to go on."""
    project = tmp_path / "new"
    assert run("init", str(project)) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["wrote", "wrote", "wrote", "Next:"]
    assert run("check", str(project)) == 0
    with serving(project / "rules") as live:
        assert len(live.engine.book.rules) == 4


@pytest.mark.skipif(shutil.which("git") is None, reason="git judges it")
def test_git_leaves_the_bytes_of_recordings_alone(tmp_path: Path) -> None:
    """Whatever the kind of exact file; a project's other files are none of our business."""
    assert run("init", str(tmp_path)) == 0
    ours = [
        "hi.mock.yaml",
        *(f"hi.{number}.{kind}" for kind in ("sse", "chunks", "json", "txt", "bin") for number in (1, 12)),
    ]
    for command in (["init", "-q"], ["check-attr", "text", "eol", "--", *ours, "package.json", "notes.txt"]):
        told = subprocess.run(["git", "-C", tmp_path, *command], capture_output=True, text=True, check=True).stdout
    found = {(name, attribute): value for name, attribute, value in (line.split(": ") for line in told.splitlines())}
    assert found["hi.mock.yaml", "eol"] == "lf"
    assert {name for name in ours[1:] if found[name, "text"] != "unset"} == set()
    assert {found[name, "text"] for name in ("package.json", "notes.txt")} == {"unspecified"}


def test_the_editor_finds_the_schema(tmp_path: Path) -> None:
    """The setting names the schema's place, and the schema holds the rules beside it."""
    assert run("init", str(tmp_path)) == 0
    settings = json.loads((tmp_path / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    [(url, patterns)] = settings["yaml.schemas"].items()
    assert patterns == ["*.mock.yaml"]
    document = json.loads(Path(url2pathname(urlsplit(url).path)).read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(FIRST), document)


def test_nothing_is_ever_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there stays, and what would have been written is shown."""
    (tmp_path / ".gitattributes").write_text("mine\n", encoding="utf-8")
    assert run("init", str(tmp_path)) == 0
    assert (tmp_path / ".gitattributes").read_text(encoding="utf-8") == "mine\n"
    assert "*.sse -text" in capsys.readouterr().out
    assert run("init", str(tmp_path)) == 0
    assert "wrote" not in capsys.readouterr().out


def test_schema_prints_the_schema_or_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == rulefile_schema.schema()
    assert run("schema", "--url") == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith("file://")
    assert json.loads(Path(url2pathname(urlsplit(url).path)).read_text(encoding="utf-8")) == printed
