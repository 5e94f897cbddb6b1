"""What stands beside rule files: exact files inside their folder, customs of the folder or the nearest above."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest

from mockserver.adapters import besides, disk
from mockserver.core.messages import Request
from mockserver.core.reply import Exact
from mockserver.core.rulefiles.recordingform import exact_digest
from mockserver.core.rulefiles.rulefile import parse

RULE = """\
rules:
  - name: hi 1
    request: {body: {model: m, user: u}}
    reply: {text: Hello}
    exact: hi.1.json
"""


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def told(rules: disk.RuleSet) -> list[str]:
    return [str(each) for each in rules.problems]


def test_an_exact_file_is_read_from_beside_its_rule_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the server was started."""
    write(tmp_path / "set/hi.mock.yaml", RULE)
    exact = write(tmp_path / "set/hi.1.json", b'{"id":"resp_1"}')
    rules = disk.load_rules([tmp_path])
    kind = rules.book.rules[0].replies[0][0].kind
    assert isinstance(kind, Exact)
    assert kind.pieces[0].data == b'{"id":"resp_1"}'
    assert rules.exact == {Path(os.path.realpath(exact))}
    assert [each.name for each in rules.recordings] == ["hi 1"]
    monkeypatch.chdir(tmp_path / "set")
    assert disk.load_rules(["hi.mock.yaml"]).exact == rules.exact


def test_one_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place that names it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "hi.mock.yaml", RULE)
    [problem] = told(disk.read_rules(["."]))
    assert problem.startswith("hi.mock.yaml:5:5: rules[0].exact: exact file missing: there is no hi.1.json")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("folder", [False, True])
def test_no_link_leads_out_of_the_folder(tmp_path: Path, folder: bool) -> None:
    """A recording cannot read what lies elsewhere; links inside are fine."""
    write(tmp_path / "secret/hi.1.json", b"secret")
    text = RULE.replace("hi.1.json", "deep/hi.1.json")
    write(tmp_path / "set/hi.mock.yaml", text)
    if folder:
        (tmp_path / "set/deep").symlink_to(tmp_path / "secret")
    else:
        (tmp_path / "set/deep").mkdir()
        (tmp_path / "set/deep/hi.1.json").symlink_to(tmp_path / "secret/hi.1.json")
    [problem] = told(disk.read_rules([tmp_path]))
    assert "deep/hi.1.json cannot be read: it leads out of the folder of its rule file" in problem
    (tmp_path / "set/deep" / ("" if folder else "hi.1.json")).unlink()
    (tmp_path / "set/deep").mkdir(exist_ok=True)
    write(tmp_path / "set/real.json", b"fine")
    (tmp_path / "set/deep/hi.1.json").symlink_to("../real.json")
    assert told(disk.read_rules([tmp_path])) == []


def test_a_folder_is_no_exact_file(tmp_path: Path) -> None:
    """Nor is anything else that would not end."""
    write(tmp_path / "hi.mock.yaml", RULE)
    (tmp_path / "hi.1.json").mkdir()
    [problem] = told(disk.read_rules([tmp_path]))
    assert "the exact file hi.1.json cannot be read: no regular file" in problem


@pytest.mark.parametrize("name", ["hi.1.json", "recordings.yaml"])
def test_what_stands_beside_is_watched(tmp_path: Path, name: str) -> None:
    """A change of it, and its coming and going, changes the stamps."""
    write(tmp_path / "hi.mock.yaml", RULE)
    rules = disk.read_rules([tmp_path])
    assert disk.stamps(rules) == rules.stamps
    write(tmp_path / name, b"{}")
    assert disk.stamps(rules) != rules.stamps
    rules = disk.read_rules([tmp_path])
    assert disk.stamps(rules) == rules.stamps
    (tmp_path / name).unlink()
    assert disk.stamps(rules) != rules.stamps


def answers(rules: disk.RuleSet, user: str) -> bool:
    body = b'{"model":"m","user":"%b"}' % user.encode()
    return any(rules.book.candidates(Request("POST", "/v1/responses", body=body)))


def test_customs_are_those_of_the_nearest_folder(tmp_path: Path) -> None:
    """One file decides, not several; above a project's folder nobody looks."""
    text = RULE.replace("    exact: hi.1.json\n", "")
    write(tmp_path / "recordings.yaml", "match: {ignore: $.user}")
    write(tmp_path / "project/.git/HEAD", "")
    write(tmp_path / "project/a/b/hi.mock.yaml", text)
    assert not answers(disk.load_rules([tmp_path / "project"]), "other")
    write(tmp_path / "project/recordings.yaml", "match: {ignore: $.user}\nmax_age: 2w")
    rules = disk.load_rules([tmp_path / "project"])
    assert answers(rules, "other")
    assert rules.recordings[0].max_age == 14
    write(tmp_path / "project/a/recordings.yaml", "")
    assert not answers(disk.load_rules([tmp_path / "project"]), "other")


def test_mistakes_in_customs_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files go by them; and files without recordings do not."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "recordings.yaml", "matches: {}")
    write(tmp_path / "plain.mock.yaml", "rules: [{reply: x}]")
    assert told(disk.read_rules(["plain.mock.yaml"])) == []
    for name in ("a", "b"):
        write(tmp_path / f"{name}.mock.yaml", RULE.replace("    exact: hi.1.json\n", ""))
    [problem] = told(disk.read_rules(["."]))
    assert problem.startswith("recordings.yaml:1:1: matches: unknown key `matches` in recordings.yaml")
    write(tmp_path / "recordings.yaml", b"\xff")
    assert told(disk.read_rules(["."])) == ["recordings.yaml: not UTF-8 text (byte 1)"]


def test_stale_files_are_known_by_their_looks_or_their_name(tmp_path: Path) -> None:
    """What is there for other reasons stays unmentioned."""
    write(tmp_path / "hi.mock.yaml", RULE)
    write(tmp_path / "hi.1.json", b"{}")
    stale = [write(tmp_path / "hi.2.json", b"{}"), write(tmp_path / "sub/gone.1.sse", b"mockserver exact 1\nhead 1\n")]
    write(tmp_path / "other.json", b"{}")
    write(tmp_path / "notes.1.txt", b"notes")
    write(tmp_path / "captured.sse", b"data: mine\n\n")
    write(tmp_path / ".hidden/gone.1.sse", b"mockserver exact 1\n")
    rules = disk.load_rules([tmp_path])
    assert sorted(besides.stale([tmp_path], rules.exact, rules.files)) == sorted(stale)


def test_plain_rule_files_do_without(tmp_path: Path) -> None:
    """No file is looked for that no recording asks for."""
    write(tmp_path / "a.mock.yaml", "rules: [{when: {model: m}, reply: x}]")
    assert set(disk.load_rules([tmp_path]).stamps) == {tmp_path, tmp_path / "a.mock.yaml"}


def test_a_thousand_recordings_are_read_soon(tmp_path: Path) -> None:
    """The bytes of streams are not read before they are played."""
    content = b"mockserver exact 1\nhead 1.000\n" + b"@ 2.000 9\ndata: x\n\n\n" * 300 + b"end 2.000\n"
    rules = []
    for number in range(1000):
        rules.append(f"  - {{name: r {number}, request: {{body: {{n: {number}}}}}, reply: x, exact: r.{number}.sse}}")
        (tmp_path / f"r.{number}.sse").write_bytes(content)
    write(tmp_path / "r.mock.yaml", "rules:\n" + "\n".join(rules))
    begun = time.perf_counter()
    assert len(disk.load_rules([tmp_path]).book.rules) == 1000
    assert time.perf_counter() - begun < 15


IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
LOOK = f"""\
rules:
  - name: look 1
    request:
      body: {{model: m, input: 'data:image/png;base64,<base64:look.png>'}}
    reply: {{text: A cat}}
    files: {{look.png: '{exact_digest(IMAGE)}'}}
"""


def test_a_long_value_is_read_from_beside_its_rule_file(tmp_path: Path) -> None:
    """A change of it is seen, and is a mistake."""
    write(tmp_path / "look.mock.yaml", LOOK)
    file = write(tmp_path / "look.png", IMAGE)
    rules = disk.load_rules([tmp_path])
    assert base64.b64encode(IMAGE) in rules.recordings[0].sent.body
    assert rules.exact == {Path(os.path.realpath(file))}
    assert disk.stamps(rules) == rules.stamps
    write(file, IMAGE + b"more")
    assert disk.stamps(rules) != rules.stamps
    [problem] = told(disk.read_rules([tmp_path]))
    assert "look.mock.yaml:6:13: " in problem
    assert "the file look.png is not what was recorded" in problem


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_no_long_value_is_read_from_elsewhere(tmp_path: Path) -> None:
    """The same that holds for exact files."""
    write(tmp_path / "set/look.mock.yaml", LOOK)
    write(tmp_path / "look.png", IMAGE)
    (tmp_path / "set/look.png").symlink_to(tmp_path / "look.png")
    [problem] = told(disk.read_rules([tmp_path / "set"]))
    assert "the file look.png cannot be read: it leads out of the folder of its rule file" in problem


def test_long_values_are_put_back_for_whoever_has_no_files(tmp_path: Path) -> None:
    """The text alone is then the same recording; comments and all else in it stay."""
    path = write(tmp_path / "look.mock.yaml", "# mine\n" + LOOK)
    write(tmp_path / "look.png", IMAGE)
    whole = besides.whole_text(path)
    assert whole == "# mine\n" + LOOK.replace("<base64:look.png>", base64.b64encode(IMAGE).decode())
    [alone] = parse(whole, "look.mock.yaml").recordings
    assert alone.sent == disk.load_rules([path]).recordings[0].sent
    plain = write(tmp_path / "plain.mock.yaml", RULE)
    assert besides.whole_text(plain) == RULE


def test_leftovers_are_known_by_the_digest_in_their_name(tmp_path: Path) -> None:
    """Or by the rule file that they are called after; other pictures are none of our business."""
    name = f"-{exact_digest(IMAGE)[:12]}.png"
    for each in (f"gone{name}", "photo.png", "photo-0123456789ab.png"):
        write(tmp_path / each, IMAGE)
    rules = write(tmp_path / "look.mock.yaml", LOOK)
    write(tmp_path / "look-0123456789ab.bin", b"changed since")
    assert [path.name for path in besides.stale([tmp_path], [], [rules])] == [f"gone{name}", "look-0123456789ab.bin"]
    named = {Path(os.path.realpath(tmp_path / f"gone{name}"))}
    assert [path.name for path in besides.stale([tmp_path], named, [rules])] == ["look-0123456789ab.bin"]
