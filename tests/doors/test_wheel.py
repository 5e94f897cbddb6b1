"""What is installed: the wheel as users get it, and the editable install of whoever works on a checkout.

Everything here works without a network: what we depend on is lent to the new environments from the one that runs the
tests. The one test that wants a package index says so with `online`; `make wheel` runs it too.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from mockserver import __version__
from tests.doors.processes import environment, serving

ROOT: Final = Path(__file__).resolve().parents[2]
NAME: Final = "responses-mockserver"
PACKED: Final = ("mockserver", "fixtures", "schemas", "pyproject.toml", "README.md", "LICENSE")
SCRIPTS: Final = "Scripts" if sys.platform == "win32" else "bin"


class Environment:
    """A virtual environment with nothing in it; `lend` lets it see what the tests themselves run with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        call(sys.executable, "-m", "venv", "--without-pip", str(folder))
        self.python = folder / SCRIPTS / "python"
        self.command = folder / SCRIPTS / "mockserver"

    def install(self, *args: str) -> None:
        """Install with the tests' own pip; without the network unless told otherwise."""
        call(sys.executable, "-m", "pip", "--quiet", "--python", str(self.python), "install", *args)

    def lend(self) -> None:
        """Put the tests' own packages last on the path; their `.pth` files, and so their mockserver, are not read."""
        [place] = {call(str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()}
        lent = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
        Path(place, "lent.pth").write_text("".join(f"{path}\n" for path in lent), encoding="utf-8")

    def tell(self, program: str, cwd: Path) -> str:
        """Run a program; return what it printed."""
        return call(str(self.python), "-c", program, cwd=cwd).strip()


def call(*command: str, cwd: Path | None = None) -> str:
    """Run a command that must succeed; return what it printed."""
    without = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=cwd, env=without)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel built from it; the tools are those of the tests."""
    into = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(ROOT))
    return into


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel, its dependencies lent."""
    made = Environment(tmp_path_factory.mktemp("installed") / "env")
    made.install("--no-index", "--no-deps", str(wheel))
    made.lend()
    return made


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    """Every module, the typed marker, every schema and shipped rule as in the checkout, and the licence."""
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mockserver").rglob("*.py")}
    expected |= {f"mockserver/data/fixtures/{path.name}" for path in (ROOT / "fixtures").iterdir()}
    expected |= {
        f"mockserver/data/schemas/{path.relative_to(ROOT / 'schemas').as_posix()}"
        for path in (ROOT / "schemas").rglob("*")
        if path.is_file()
    }
    found = names(wheel)
    about = {name for name in found if ".dist-info/" in name}
    assert found - about == expected | {"mockserver/py.typed"}
    assert {name.split(".dist-info/")[1] for name in about} == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        for name in found:
            if name.startswith("mockserver/data/"):
                assert archive.read(name) == (ROOT / name.removeprefix("mockserver/data/")).read_bytes(), name


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    about = metadata_of(wheel)
    assert (about["Name"], about["Version"], about["Requires-Python"]) == (NAME, __version__, ">=3.11")
    assert (about["License-Expression"], about["License-File"]) == ("MIT", "LICENSE")
    assert about["Description-Content-Type"] == "text/markdown"
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_is_whole(built: Path) -> None:
    """The wheel is built from it, so it holds the package; tests, documents and benchmarks come along."""
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "CHANGELOG.md", "LICENSE", "docs/rules.md", "tests/test_house.py", "bench/__main__.py"} <= found
    assert not {name for name in found if "__pycache__" in name or name.startswith((".venv", ".git/", "dist"))}


def test_it_serves_from_the_wheel(installed: Environment, tmp_path: Path) -> None:
    """From another folder, by both doors, with the data that came in the wheel."""
    for command in ([str(installed.command)], [str(installed.python), "-m", "mockserver"]):
        with serving("--speed", "0", "--log", "off", command=command, cwd=tmp_path) as served:
            assert "mockserver" in served.ask("anything")["output"][0]["content"][0]["text"]
            status, _, body = served.post({"model": "m", "input": "x", "temperature": 9})
            assert (status, json.loads(body)["error"]["param"]) == (400, "temperature")
            stream = served.post({"model": "m", "input": "x", "stream": True})[2]
            assert stream.rstrip().splitlines()[-2] == "event: response.completed"


def test_nothing_of_the_checkout_is_used(installed: Environment, tmp_path: Path) -> None:
    told = installed.tell(
        "import mockserver; from mockserver.adapters import disk; print(mockserver.__file__);"
        "print(disk.data('schemas')); print(disk.data('fixtures'))",
        tmp_path,
    )
    assert [line for line in told.splitlines() if not Path(line).is_relative_to(installed.folder)] == []
    assert installed.tell(
        "from importlib.metadata import version; print(version('responses-mockserver'))", tmp_path
    ) == (__version__)


def test_what_the_source_imports_is_declared(wheel: Path) -> None:
    """Directly, without an extra: what only comes along with something else may go away with it."""
    imported = set()
    for path in (ROOT / "mockserver").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = {node.module.partition(".")[0]}
            if path.name == "plugin.py" or path.parent.name == "pytesting":
                names -= {"pytest"}  # pytest loads these rooms, nobody else does
            imported |= names
    imported -= {*sys.stdlib_module_names, "mockserver"}
    providers = metadata.packages_distributions()
    declared = {
        normal(re.split(r"[^\w.-]", text)[0])
        for text in metadata_of(wheel).get_all("Requires-Dist", [])
        if "extra ==" not in text
    }
    missing = {name for name in imported if not declared & {normal(each) for each in providers.get(name, [name])}}
    assert missing == set()


def normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def test_an_editable_install_serves_the_checkout_as_it_is_now(tmp_path: Path) -> None:
    """An edit after the install is served: no copy of the data stands between."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in PACKED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    made = Environment(tmp_path / "env")
    made.lend()
    made.install("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed", "--editable", str(checkout))
    (checkout / "fixtures/default.mock.yaml").write_text("otherwise: {text: edited}\n", encoding="utf-8")
    (checkout / "schemas/standard/request.json").write_text('{"required": ["colour"]}', encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with serving("--validate", "warn", "--log", "off", command=[str(made.command)], cwd=elsewhere) as served:
        status, headers, body = served.post({"model": "m", "input": "x"})
    assert (status, json.loads(body)["output"][0]["content"][0]["text"]) == (200, "edited")
    assert "colour" in headers["x-mock-violations"]


def test_the_example_project_passes_with_the_wheel(installed: Environment, tmp_path: Path) -> None:
    """The plugin is found by its entry point alone."""
    assert example_passes(installed, tmp_path)


def example_passes(made: Environment, folder: Path) -> bool:
    """Run a copy of the example project in an environment; say whether its tests were run with what is installed there."""
    project = shutil.copytree(ROOT / "docs/examples/agent", folder / "agent")
    told = call(str(made.python), "-m", "pytest", "-p", "no:cacheprovider", "-ra", "-v", cwd=project)
    place = made.tell("import mockserver; print(mockserver.__file__)", project)
    return " passed" in told and Path(place).is_relative_to(made.folder)


@pytest.mark.online
def test_the_example_project_passes_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """With what its users would install."""
    made = Environment(tmp_path / "env")
    made.install("--disable-pip-version-check", str(wheel), "pytest", "openai")
    assert example_passes(made, tmp_path)


@pytest.mark.online
def test_pip_brings_what_it_needs(wheel: Path, tmp_path: Path) -> None:
    """A truly clean environment, the declared dependencies and nothing else."""
    made = Environment(tmp_path / "env")
    made.install("--disable-pip-version-check", str(wheel))
    with serving("--speed", "0", "--log", "off", command=[str(made.command)], cwd=tmp_path) as served:
        assert served.ask("anything")["status"] == "completed"
    assert os.listdir(tmp_path) == ["env"]


def test_what_needs_a_package_index_waits_to_be_asked_for(pytestconfig: pytest.Config) -> None:
    """The option that `make wheel` gives is there."""
    assert pytestconfig.getoption("--online") in (True, False)
