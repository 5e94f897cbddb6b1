"""Every console session in the documents is typed for real, and what it shows is what comes out.

The commands of a page run in order in a folder of their own, where `mockserver init` was run and the files stand whose
content the page gives. `…` stands for anything in a line, on a line of its own for any lines; a block that shows nothing
promises nothing. Servers take a free port, and the one on the page is put in its place.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, Block, Command, blocks, commands, every, is_script, write
from tests.docs.runs import PYTEST
from tests.doors.processes import COMMAND, Served, environment, run, serving

PORT: Final = "127.0.0.1:8080"
API: Final = "https://api.openai.com/v1"
SERVERS: Final = ("serve", "record", "replay")
PROGRAMS: Final = {"mockserver": COMMAND, "python": [sys.executable], "pytest": PYTEST}
CONSOLES: Final = [page for page in PAGES if blocks(page, "console")]


class Terminal:
    """A folder to type in, and the server that was started last."""

    def __init__(self, page: Path, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.served: Served | None = None
        with contextlib.redirect_stdout(io.StringIO()):
            assert run("init", str(folder)) == 0
        for block in blocks(page):
            if block.file:
                write(folder, block)

    def type(self, command: str) -> str:
        """Run one command line; return what it printed, stdout before stderr, with the port of the page."""
        words = shlex.split(command)
        if words[0] == "mockserver" and words[1] in SERVERS:
            return self._serve(words[1], words[2:])
        if words[0] == "curl":
            return self._shown(self._curl(words[1:]))
        typed = [*PROGRAMS[words[0]], *(self.real(word) for word in words[1:])]
        if "--" in typed:
            at = typed.index("--") + 1
            typed[at : at + 1] = PROGRAMS.get(typed[at], [typed[at]])
        done = subprocess.run(
            typed, capture_output=True, text=True, timeout=60, cwd=self.folder, env=environment(), check=False
        )
        fine = (0, 1) if words[0] == "pytest" else (0,)  # a page may show how a test fails
        assert done.returncode in fine, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return self._shown(done.stdout + done.stderr)

    def _serve(self, verb: str, args: list[str]) -> str:
        if self.served is not None:
            self.served.end()
        given = [self._upstream() if word == API else word for word in args]
        self.served = self.stack.enter_context(serving(*given, verb=verb, cwd=self.folder))
        key = [] if verb == "record" else ["export OPENAI_API_KEY=mock"]
        said = [f"export OPENAI_BASE_URL={self.served.url}", *key]
        return self._shown("\n".join([*said, f"mockserver ready: {self.served.url}"]))

    def _upstream(self) -> str:
        """Start what stands where the page has the real API; return its base URL."""
        rules = self.folder / "api" / "real.mock.yaml"
        rules.parent.mkdir(exist_ok=True)
        rules.write_text("otherwise: {text: It is sunny.}\n")
        return self.stack.enter_context(serving(str(rules))).url

    def _curl(self, args: list[str]) -> str:
        """Do what curl does with the few options that the pages use."""
        assert self.served is not None
        headers, data, urls, method = {}, None, [], ""
        waiting = iter(args)
        for word in waiting:
            if word == "-H":
                name, _, value = next(waiting).partition(": ")
                headers[name] = value
            elif word == "-d":
                data = next(waiting)
            elif word == "--data-binary":
                data = (self.folder / next(waiting).removeprefix("@")).read_text(encoding="utf-8")
            elif word == "-X":
                method = next(waiting)
            elif word != "-N":
                urls.append(word)
        [url] = urls
        assert url.startswith(f"http://{PORT}/")
        path = url.removeprefix(f"http://{PORT}")
        connection = http.client.HTTPConnection(urlsplit(self.served.url).netloc, timeout=20)
        with contextlib.closing(connection):
            connection.request(method or ("GET" if data is None else "POST"), path, data, headers)
            return connection.getresponse().read().decode()

    def real(self, word: str) -> str:
        """Return a word of a command line with the port that the server took."""
        return word.replace(PORT, urlsplit(self.served.url).netloc) if self.served else word

    def _shown(self, text: str) -> str:
        return text.replace(urlsplit(self.served.url).netloc, PORT) if self.served else text


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def pattern(shown: tuple[str, ...]) -> str:
    """Return the regular expression of what a page shows."""
    lines = list(shown)
    while lines and not lines[-1].strip():
        lines.pop()
    return "".join(
        r"(?:.*\n)*" if line == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"\s*\n" for line in lines
    )


@pytest.mark.parametrize("page", CONSOLES, ids=lambda page: page.name)
@pytest.mark.skipif(sys.platform == "win32", reason="the pages are written for a shell")
def test_what_a_page_types_gives_what_it_shows(page: Path, tmp_path: Path, stack: contextlib.ExitStack) -> None:
    terminal = Terminal(page, tmp_path, stack)
    for block in blocks(page, "console"):
        for command in commands(block):
            if command.text.startswith(("make ", "pip ")):
                continue
            if command.text.startswith("curl ") and terminal.served is None:
                terminal.type("mockserver serve")
            told = terminal.type(command.text)
            if command.shown:  # a session that shows nothing promises only that the command succeeds
                lines = "".join(f"{line.rstrip()}\n" for line in told.splitlines())
                assert re.fullmatch(pattern(command.shown), lines), f"{page.name}:{command.line}\n{told}"


def readme() -> tuple[Block, Command]:
    [found] = [
        (block, command)
        for block in blocks(ROOT / "README.md", "console")
        for command in commands(block)
        if command.text.startswith("curl ")
    ]
    return found


def test_the_first_screen_of_the_readme_shows_both_targets_then_a_curl() -> None:
    """Within the first forty lines, in this order."""
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    places = [screen.index(words) for words in ("$ make serve", "$ make test", "$ curl -N ")]
    assert places == sorted(places)


@pytest.mark.parametrize("program", ["ours", "curl"])
def test_the_readme_s_curl_streams_to_the_end(program: str, tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """From the shipped rules, by the real curl too where there is one."""
    terminal = Terminal(ROOT / "README.md", tmp_path, stack)
    terminal.type("mockserver serve --log off")
    text = readme()[1].text
    if program == "ours":
        told = terminal.type(text)
    elif shutil.which("curl"):
        words = [terminal.real(word) for word in shlex.split(text)]
        told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    else:
        pytest.skip("there is no curl here")
    frames = [line for line in told.splitlines() if line.startswith("event: ")]
    assert (frames[0], frames[-1]) == ("event: response.created", "event: response.completed")


@pytest.mark.parametrize("block", [block for block in every("python") if is_script(block)], ids=str)
def test_python_on_a_page_runs(block: Block, tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """Against the shipped rules, with the variables that the server prints; something is printed."""
    served = stack.enter_context(serving("--speed", "0", "--log", "off", cwd=tmp_path))
    text = block.text.replace(PORT, urlsplit(served.url).netloc)
    variables = {"OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": "mock", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False,
        cwd=tmp_path, env={**environment(), **variables},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
