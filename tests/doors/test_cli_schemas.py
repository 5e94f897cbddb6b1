"""`mockserver schemas build`: ours anew, and a user's own dialect to serve with."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from mockserver.adapters import disk
from mockserver.cli.schemas import ours
from tests.doors.processes import run
from tests.live import serving

OPENAPI = """
openapi: 3.1.0
info: {title: tiny, version: "1"}
paths:
  /v1/responses:
    post:
      operationId: ask
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [model]
              properties: {model: {type: string}, input: {type: string}, odd: {type: integer, maximum: 3}}
      responses:
        "200":
          description: fine
          content:
            application/json:
              schema: {type: object, properties: {id: {type: string}}}
"""


def ask(base_url: str, body: bytes) -> str:
    """The body of the answer, told to be fine."""
    request = Request(base_url + "/responses", body, {"content-type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_our_built_files_are_fresh() -> None:
    """`make schemas` changes nothing: the dialects and the schema of rule files are what their sources say."""
    folder = disk.data("schemas")
    fresh = ours(folder)
    assert "rule-file.json" in fresh
    assert [path for path, text in fresh.items() if (folder / path).read_bytes().decode() != text] == []


def test_a_dialect_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Built from any OpenAPI file, then served: its bounds count, the standard's fields do not exist."""
    source = tmp_path / "openapi.yaml"
    source.write_text(OPENAPI, encoding="utf-8")
    rules = tmp_path / "a.mock.yaml"
    rules.write_text("otherwise: {text: ok}\n", encoding="utf-8")
    into = tmp_path / "mine"
    assert run("schemas", "build", str(source), "--operation", "ask", "--into", str(into)) == 0
    assert f"--dialect {into}" in capsys.readouterr().out
    assert json.loads((into / "dialect.json").read_text(encoding="utf-8"))["name"] == "mine"
    with serving(rules, dialect=str(into)) as live:
        assert live.engine.dialect.schema("request").is_valid({"model": "m", "odd": 3})
        assert not live.engine.dialect.schema("request").is_valid({"model": "m", "odd": 4})
        assert json.loads(ask(live.base_url, b'{"model": "m"}'))["output"][0]["content"][0]["text"] == "ok"
        # The description names no events: none is left out.
        stream = ask(live.base_url, b'{"model": "m", "stream": true}')
        assert stream.count("event: ") == 9
        assert "event: response.completed" in stream


def test_building_again_writes_nothing_and_removes_stale_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, into = disk.data("schemas") / "openapi.yaml", tmp_path / "mine"
    assert run("schemas", "build", str(source), "--into", str(into)) == 0
    (into / "events" / "old.json").write_text("{}", encoding="utf-8")
    (into / "notes.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert run("schemas", "build", str(source), "--into", str(into)) == 0
    assert ": 0 written, 1 removed" in capsys.readouterr().out
    assert (into / "notes.json").exists()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("openapi.yaml",), 2, "--into"),
        (("--into", "x"), 2, "need a FILE"),
        (("nowhere.yaml", "--into", "x"), 3, "cannot read nowhere.yaml"),
        (("list.yaml", "--into", "x"), 3, "must hold a mapping"),
        (("broken.json", "--into", "x"), 3, "cannot read broken.json"),
        (("broken.yaml", "--into", "x"), 3, "cannot read broken.yaml: line 2, column 1: did not find expected node"),
        (("openapi.yaml", "--into", "x", "--operation", "asks"), 3, "did you mean 'ask'"),
    ],
)
def test_wrong_use(
    tmp_path: Path,
    args: tuple[str, ...],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("openapi.yaml").write_text(OPENAPI, encoding="utf-8")
    Path("list.yaml").write_text("[]", encoding="utf-8")
    Path("broken.json").write_text("{", encoding="utf-8")
    Path("broken.yaml").write_text("a: [\n", encoding="utf-8")
    assert run("schemas", "build", *args) == code
    assert words in capsys.readouterr().err
