"""The door itself: commands, exit codes, and how little is imported before a command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mockserver import __version__, cli
from mockserver.core.errors import RuleFileError, SchemaSourceError, SettingError
from tests.doors.processes import run


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    told = capsys.readouterr().out
    for name in ("serve", "run", "check", "explain", "render", "list", "init", "schema", "schemas", "log"):
        assert f"  {name} " in told


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"mockserver {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("sreve", "serve"), ("rnder", "render"), ("lst", "list")])
def test_a_misspelt_command_is_corrected(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(typed) == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err


def test_a_command_unlike_any_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("zzz") == 2
    assert "Known: serve, run, record" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["serve", "run", "check", "explain", "render", "log", "list", "init", "schema"])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command exits with 0 and says more than its name."""
    assert run(name, "--help") == 0
    assert f"Usage: mockserver {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [(SettingError("wrong"), 2), (RuleFileError(()), 2), (SchemaSourceError("wrong"), 3)],
    ids=["setting", "rules", "schema"],
)
def test_mistakes_end_with_their_code_and_no_traceback(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.cli, "main", broken)
    assert run() == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert told.out == ""


def test_the_namesake_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another product's client installs a package of the same name over ours."""
    (tmp_path / "async_client.py").touch()
    monkeypatch.setattr(cli, "NAMESAKE", str(tmp_path / "async_client.py"))
    assert run("list", "errors") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "pip uninstall mockserver-client" in told.err


def test_help_imports_neither_server_nor_validators() -> None:
    """In a fresh process, so that other tests' imports do not count."""
    program = (
        "import sys\n"
        "from mockserver.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'starlette', 'uvicorn', 'jsonschema', 'jsonschema_rs', 'yaml', 'orjson', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_module_is_the_same_door() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == f"mockserver {__version__}\n"
