"""`mockserver check --only secrets`: what is found on disk, how it is told, and the hook for pre-commit."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.doors.processes import COMMAND, environment, run

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = environment()  # before any test changes the folder
KEY = "sk-proj-" + "Zq3Ef6hIjKl9mNo2PqRs5tUv8wXyZa"
RULE = f"rules:\n  - when: {{input: {{contains: key}}}}\n    reply: {{text: 'is it {KEY}?'}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def exact(*pieces: bytes) -> bytes:
    """A file of exact bytes."""
    lines = b"".join(b"@ %d.000 %d\n%b\n" % (number, len(piece), piece) for number, piece in enumerate(pieces))
    return b"mockserver exact 1\nhead 0.000\n%bend 9.000\n" % lines


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.mock.yaml", "rules: [{reply: {text: hi}}]\n")
    assert run("check", "--only", "secrets", ".") == 0
    assert capsys.readouterr().out == "no mistakes in 1 file\n"


def test_a_secret_has_its_place_and_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """In rule files, and in any other file, text or not; hidden folders are left out."""
    write("a.mock.yaml", RULE)
    write("sub/notes.bin", b"\x00\xff\npassword=wonder7land\n")
    write(".git/config", KEY)
    assert run("check", "--only", "secrets", ".") == 1
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert lines[0].startswith("a.mock.yaml:3:26: looks like a secret (api_key): sk-p… (")
    assert lines[1].startswith("sub/notes.bin:2:10: looks like a secret (password): w… (")
    assert lines[2] == "2 errors in 2 files"
    assert KEY[:12] not in told
    assert "nder7" not in told


def test_exact_files_are_read_as_what_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """A key in two deltas, or in two pieces of a body, is found where it begins."""
    deltas = [
        b'data: {"type":"response.output_text.delta","delta":"%b"}\n\n' % part for part in (b"a sk-", KEY[3:].encode())
    ]
    write("a.1.sse", exact(b": hello\n\n", *deltas))
    write("a.2.chunks", exact(b'{"a": "\xc3\xa9 ' + KEY[:9].encode(), KEY[9:].encode() + b'"}'))
    assert run("check", "--only", "secrets", "a.1.sse", "a.2.chunks") == 1
    places = re.findall(r"^(\S+): looks like", capsys.readouterr().out, re.MULTILINE)
    assert places == ["a.1.sse:8:55", "a.2.chunks:4:10"]


def test_a_comment_says_that_it_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    """On its line or above it; it covers the same text in the other files."""
    write("a.mock.yaml", RULE.replace("?'}", "?'}  # mockserver: allow secret"))
    write("a.1.sse", exact(KEY.encode()))
    assert run("check", "--only", "secrets", ".") == 0
    write("a.mock.yaml", RULE.replace("    reply", "    # mockserver: allow secret\n    reply"))
    assert run("check", "--only", "secrets", ".") == 0
    write("a.mock.yaml", "# mockserver: allow secret\n" + RULE)
    assert run("check", "--only", "secrets", ".") == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    "text",
    ["sk-proj-your-key-here-1234", "sk-0123456789abcdef0123456789", "password: dummy-pa55word", "api_key: mock-key-12"],
)
def test_evidently_made_up(text: str) -> None:
    """What examples show is no finding."""
    write("a.mock.yaml", f"# {text}\n")
    assert run("check", "--only", "secrets", ".") == 0


def test_what_the_folder_calls_secret(capsys: pytest.CaptureFixture[str]) -> None:
    write("recordings.yaml", "redact: {patterns: [{name: employee, pattern: 'E-\\d{6}'}], emails: true}\n")
    write("sub/a.mock.yaml", "# E-123456 and bob@mail.test\n")
    assert run("check", "--only", "secrets", "sub") == 1
    assert re.findall(r"\((employee|email)\)", capsys.readouterr().out) == ["employee", "email"]


def test_machines_read_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.mock.yaml", RULE)
    assert run("check", "--only", "secrets", "--format", "json", ".") == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("a.mock.yaml", 3, 26)
    assert run("check", "--only", "secrets", "--format", "github", ".") == 1
    assert capsys.readouterr().out.startswith("::error file=a.mock.yaml,line=3,col=26::looks like a secret (api_key)")


def test_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, unless something was found besides."""
    assert run("check", "--only", "secrets", "gone.mock.yaml") == 3
    assert "gone.mock.yaml: there is no such file or folder" in capsys.readouterr().out
    write("a.mock.yaml", RULE)
    assert run("check", "--only", "secrets", "gone.mock.yaml", "a.mock.yaml") == 1
    assert run("check", "--only", "secrets", "--fix", ".") == 2
    assert run("check", "--only", "nonsense", ".") == 2


def test_check_without_only_looks_into_recordings(capsys: pytest.CaptureFixture[str]) -> None:
    """Rule files written by hand are left alone: what stands there somebody put there."""
    recorded = (
        "rules:\n  - name: a 1\n    request:\n      body: {model: m, input: hi}\n    reply: {text: 'KEY'}\n"
        "    recorded: {at: '2026-11-22T12:00:00Z', upstream: https://host/v1}\n"
    )
    write("a.mock.yaml", recorded.replace("KEY", "none"))
    write("b.mock.yaml", RULE.replace("when: {input: {contains: key}}", "when: {model: other}"))
    assert run("check", ".") == 0
    write("a.mock.yaml", recorded.replace("KEY", KEY))
    capsys.readouterr()
    assert run("check", ".") == 1
    assert "a.mock.yaml:5:20: looks like a secret (api_key): sk-p…" in capsys.readouterr().out


def test_the_hook_runs() -> None:
    """Its entry with file names after it, as pre-commit calls it, and for the files that its pattern selects."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["language"]) == ("mockserver-secrets", "python")
    program, *arguments = shlex.split(hook["entry"])
    assert program == "mockserver"
    write("tests/recordings/a.mock.yaml", RULE)
    write("tests/recordings/a.1.json", "{}")
    names = ["tests/recordings/a.mock.yaml", "tests/recordings/a.1.json"]
    assert all(re.search(hook["files"], name) for name in [*names, "recordings.yaml", "x/a.1.sse", "b.mock.yml"])
    assert not any(re.search(hook["files"], name) for name in ["src/main.py", "myrecordings.yaml", "a.yaml"])
    done = subprocess.run([*COMMAND, *arguments, *names], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "tests/recordings/a.mock.yaml:3:26: looks like a secret" in done.stdout
    done = subprocess.run(
        [*COMMAND, *arguments, names[1]], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0


def test_what_we_ship_passes() -> None:
    """Rule files, docs and schemas hold no key, and nothing that looks like one."""
    places = [str(ROOT / name) for name in ("fixtures", "docs", "schemas", "README.md", "CHANGELOG.md")]
    assert run("check", "--only", "secrets", *places) == 0


def test_nothing_is_read_in_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its name; in a document there may be a secret."""
    Path("cat.bin").write_bytes(b"\x89PNG\r\n\x1a\n" + KEY.encode())
    assert run("check", "--only", "secrets", ".") == 0
    Path("cat.pdf").write_bytes(b"%PDF-1.7\n" + KEY.encode())
    assert run("check", "--only", "secrets", ".") == 1
    assert "cat.pdf:2:1" in capsys.readouterr().out
