"""Reading rule files and dialects, and writing whole files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.adapters import disk
from mockserver.core.errors import RuleFileError, SettingError
from mockserver.core.messages import Request


def rule(name: str, text: str = "ok") -> str:
    return f"rules:\n  - name: {name}\n    reply: {{text: {text}}}\n"


def write(folder: Path, **files: str) -> None:
    """Write files; `__` in a name stands for a slash, the suffix is added."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".mock.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(rules: disk.RuleSet) -> list[str]:
    return [each.name for each in rules.book.rules]


def test_files_come_in_natural_order_and_folders_are_walked(tmp_path: Path) -> None:
    """2 before 10, whatever the letters' case; hidden folders and other files are not rules."""
    write(
        tmp_path, r10=rule("ten"), r2=rule("two"), R1=rule("one"), sub__a=rule("below"), **{".git__x": rule("hidden")}
    )
    (tmp_path / "notes.yaml").write_text("not: rules")
    assert names(disk.load_rules([tmp_path])) == ["one", "two", "ten", "below"]


def test_a_file_comes_before_those_that_go_on_with_its_name(tmp_path: Path) -> None:
    """What a recorder goes on with in `hello-2` came after what stands in `hello`; the suffix is no part of a name."""
    write(
        tmp_path, **{"hello-2": rule("two"), "hello-10": rule("ten"), "hello": rule("one"), "hello__a": rule("below")}
    )
    assert names(disk.load_rules([tmp_path])) == ["one", "below", "two", "ten"]


def test_arguments_keep_their_order_and_a_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, a=rule("a"), b=rule("b"))
    rules = disk.load_rules([tmp_path / "b.mock.yaml", tmp_path, str(tmp_path / "a.mock.yaml")])
    assert names(rules) == ["b", "a"]
    assert [path.name for path in rules.files] == ["b.mock.yaml", "a.mock.yaml"]


def test_an_included_file_comes_after_the_rules_of_its_includer(tmp_path: Path) -> None:
    write(
        tmp_path,
        main="include: [more/second.mock.yaml, third]\n" + rule("first"),
        more__second=rule("second") + "otherwise: {text: last}\n",
        third__x=rule("third"),
        other=rule("fourth"),
    )
    rules = disk.load_rules([tmp_path / "main.mock.yaml", tmp_path / "other.mock.yaml"])
    assert names(rules) == ["first", "second", "third", "fourth", "otherwise"]


def test_every_mistake_of_every_file_comes_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="rules: [{repyl: {text: x}}]\n",
        b="include: [missing.mock.yaml, secrets.txt]\n" + rule("b"),
        c="rules: {\n",
    )
    (tmp_path / "d.mock.yaml").write_bytes(b"rules:\n  - name: \xff\xfe\n")
    with pytest.raises(RuleFileError) as caught:
        disk.load_rules([tmp_path, tmp_path / "nothing.mock.yaml"])
    told = str(caught.value)
    for part in (
        "a.mock.yaml:1",
        "b.mock.yaml:1:11: include:",
        "missing.mock.yaml: there is no such file or folder",
        "secrets.txt: only rule files",
        "c.mock.yaml",
        "d.mock.yaml: not UTF-8 text (byte 18)",
        "nothing.mock.yaml: there is no such file or folder",
    ):
        assert part in told


def test_a_file_that_includes_itself_is_told(tmp_path: Path) -> None:
    write(tmp_path, a="include: [b.mock.yaml]\n" + rule("a"), b="include: [a.mock.yaml]\n" + rule("b"))
    with pytest.raises(
        RuleFileError,
        match=r"b\.mock\.yaml:1:11: include: .*a\.mock\.yaml: includes itself: .*a\.mock.*b\.mock.*a\.mock",
    ):
        disk.load_rules([tmp_path / "a.mock.yaml"])


def test_two_files_may_include_the_same_third(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="include: [c.mock.yaml]\n" + rule("a"),
        b="include: [c.mock.yaml]\n" + rule("b"),
        c=rule("c"),
    )
    assert names(disk.load_rules([tmp_path / "a.mock.yaml", tmp_path / "b.mock.yaml"])) == ["a", "c", "b"]


def test_a_folder_without_rules_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"no rule files \(NAME\.mock\.yaml\) in this folder"):
        disk.load_rules([tmp_path])


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
def test_a_pipe_is_no_rule_file(tmp_path: Path) -> None:
    """Reading one would wait for ever."""
    os.mkfifo(tmp_path / "pipe.mock.yaml")
    with pytest.raises(RuleFileError, match="no regular file"):
        disk.load_rules([tmp_path])


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.mock.yaml").write_bytes(b"\xef\xbb\xbf" + rule("a").replace("\n", "\r\n").encode())
    assert names(disk.load_rules([tmp_path])) == ["a"]


def test_places_are_told_as_seen_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, rules__a=rule("a"))
    monkeypatch.chdir(tmp_path)
    assert disk.load_rules(["rules"]).book.rules[0].place == "rules/a.mock.yaml:2"


def test_limits_and_keys_of_all_files_count(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="auth: {keys: [one, two]}\n" + rule("a"),
        b="auth: {keys: [two, three]}\nlimits: {requests: 5}\n" + rule("b"),
    )
    rules = disk.load_rules([tmp_path])
    assert rules.auth_keys == ("one", "two", "three")
    assert len(rules.limits) == 1


def test_stamps_tell_what_changed(tmp_path: Path) -> None:
    write(tmp_path, a="include: [sub/b.mock.yaml]\n" + rule("a"), sub__b=rule("b"))
    rules = disk.load_rules([tmp_path / "a.mock.yaml"])
    assert disk.stamps(rules) == rules.stamps
    write(tmp_path, sub__b=rule("changed"))
    assert disk.stamps(rules) != rules.stamps
    whole = disk.load_rules([tmp_path])
    write(tmp_path, new=rule("new"))
    assert disk.stamps(whole) != whole.stamps


def test_shipped_rules_and_schemas_come_from_the_checkout() -> None:
    """Never a copy that an earlier build left behind."""
    root = Path(disk.__file__).parents[2]
    assert disk.data("schemas") == root / "schemas"
    assert disk.data("fixtures") == root / "fixtures"
    assert disk.rule_schema_url().startswith("file://")
    assert names(disk.load_rules([disk.data("fixtures")]))


@pytest.mark.parametrize("name", ["standard", "reference", "openai"])
def test_a_shipped_dialect_has_the_schemas_of_its_events(name: str) -> None:
    dialect = disk.load_dialect(name)
    assert dialect.name == name
    assert "response.completed" in dialect.event_types
    for schema in ("request", "response", "error", "item", "events/response.completed"):
        assert dialect.load(schema)["type"] == "object" or "allOf" in dialect.load(schema)


def test_a_dialect_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "dialect.json").write_text('{"name": "mine", "quirks": {"done_marker": true}, "events": ["a.b"]}')
    (tmp_path / "request.json").write_text('{"type": "object"}')
    dialect = disk.load_dialect(str(tmp_path))
    assert (dialect.name, dialect.quirks.done_marker, dialect.event_types) == ("mine", True, frozenset({"a.b"}))
    assert dialect.schema("request").is_valid({})
    with pytest.raises(SettingError, match="cannot read the schema 'response'"):
        dialect.load("response")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "must hold a JSON object"),
        ("{", "cannot read"),
        ('{"quirks": {"done_maker": true}}', "did you mean 'done_marker'"),
    ],
)
def test_a_broken_dialect_is_told(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "dialect.json").write_text(content)
    with pytest.raises(SettingError, match=told):
        disk.load_dialect(str(tmp_path))


def test_a_misspelt_dialect_gets_a_suggestion() -> None:
    with pytest.raises(SettingError, match="did you mean standard"):
        disk.load_dialect("standart")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "deep" / "a.yaml"
    disk.write_whole(target, "old\n")
    assert target.read_bytes() == b"old\n"

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        disk.write_whole(target, "new\n")
    assert target.read_bytes() == b"old\n"
    assert [path.name for path in target.parent.iterdir()] == ["a.yaml"]


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "a.yaml"
    target.write_text("old")
    target.chmod(0o640)
    disk.write_whole(target, b"new")
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_kill_in_the_middle_of_writing_loses_nothing(tmp_path: Path) -> None:
    """Whatever the moment: a reader sees one of the two contents, whole."""
    target = tmp_path / "a.json"
    program = (
        "import sys; from mockserver.adapters.disk import write_whole; from pathlib import Path\n"
        "while True:\n    for letter in 'ab': write_whole(Path(sys.argv[1]), '{\"x\": \"' + letter * 200_000 + '\"}')\n"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program, str(target)], cwd=Path(disk.__file__).parents[2])
        while not target.exists():
            assert process.poll() is None
        process.kill()
        process.wait()
        assert len(json.loads(target.read_text())["x"]) == 200_000


def test_rules_that_were_loaded_answer(tmp_path: Path) -> None:
    write(tmp_path, a="rules:\n  - {name: hit, when: {model: m}, reply: {text: x}}\n")
    book = disk.load_rules([tmp_path]).book
    asked = Request("POST", "/v1/responses", body=b'{"model": "m", "input": "x"}')
    assert [each.name for each in book.candidates(asked)] == ["hit"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_lead_nowhere_are_mistakes_to_report(tmp_path: Path) -> None:
    """In a ring, to nothing, to the folder itself: told once each, never raised, and never followed for ever."""
    (tmp_path / "ring.mock.yaml").symlink_to(tmp_path / "ring.mock.yaml")
    (tmp_path / "dead.mock.yaml").symlink_to(tmp_path / "nothing")
    (tmp_path / "again").symlink_to(tmp_path)
    rules = disk.read_rules([tmp_path])
    told = sorted(str(problem) for problem in rules.errors)
    assert len(told) == 2
    assert "dead.mock.yaml" in told[0]
    assert "did you mean `dead" not in told[0]
    assert "symbolic links" in told[1]
    assert disk.stamps(rules) == rules.stamps
