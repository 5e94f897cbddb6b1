"""Beside other plugins and ways to run: several processes, event loops, threads, stopped clocks, closed sockets."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from tests.plugin.conftest import Inner


def test_several_processes_have_servers_of_their_own(inner: Inner) -> None:
    """Under `-n 2`: each worker has its port and its verdicts, and the one that hands out tests has none."""
    inner.write(
        conftest="""
        import os, sys

        seen = os.environ.get("OPENAI_BASE_URL", "")
        """,
        test_it="""
        import os

        @pytest.mark.parametrize("n", range(8))
        def test(mockserver, n):
            mockserver.when().reply(f"ho {n}")
            assert ask() == f"ho {n}"
            print("port", os.environ["OPENAI_BASE_URL"], os.environ["PYTEST_XDIST_WORKER"])

        def test_missing(mockserver):
            swallow("what?")
        """,
    )
    result = inner.run("-n", "2", "--dist", "loadgroup", "-rA", process=True)
    result.assert_outcomes(passed=8, failed=1)
    output = result.stdout.str()
    assert "mockserver: no rule matches POST /v1/responses" in output
    assert len(set(re.findall(r"port (\S+) gw\d", output))) == len(set(re.findall(r"port \S+ (gw\d)", output))) == 2


ASYNC = """
from openai import AsyncOpenAI

async def ask(**options):
    async with AsyncOpenAI(max_retries=0) as client:
        return (await client.responses.create(model="gpt-5", input="hi", **options)).output_text

@pytest.mark.PLUGIN
async def test(mockserver):
    mockserver.when().reply("ho")
    assert await ask() == "ho"

@pytest.mark.PLUGIN
async def test_together(mockserver):
    import asyncio
    mockserver.when().reply("ho")
    assert await asyncio.gather(*(ask() for _ in range(5))) == ["ho"] * 5
    assert len(mockserver.requests) == 5

@pytest.mark.PLUGIN
async def test_missing(mockserver):
    try:
        await ask()
    except Exception:
        pass
"""


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_coroutines_are_judged_like_functions(inner: Inner, plugin: str) -> None:
    """By either plugin; the server's loop is not theirs."""
    inner.write(test_it=f"@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n{ASYNC.replace('PLUGIN', plugin)}")
    result = inner.run("-p", "no:asyncio") if plugin == "anyio" else inner.run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["mockserver: no rule matches POST /v1/responses: there are no rules"])


def test_threads_of_one_test_share_its_session(inner: Inner) -> None:
    inner.check(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test(mockserver):
            rule = mockserver.when().reply("ho")
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(ask, map(str, range(40)))) == ["ho"] * 40
            assert rule.call_count == 40
        """,
        passed=1,
    )


def test_a_stream_that_hangs_cannot_hold_the_end_of_the_run(inner: Inner) -> None:
    """Nobody reads it, nobody ends it; the process is over within a second of its last test."""
    inner.write(
        test_it="""
        import atexit, time

        open_ = []

        @pytest.mark.mockserver(speed=1)
        def test(mockserver):
            mockserver.when().reply("one two three", faults=[mockserver.stall(after={"deltas": 1})])
            open_.append(iter(client.responses.create(model="gpt-5", input="go", stream=True)))
            next(open_[0])
        """,
        conftest="""
        import time

        def pytest_runtest_logfinish():
            print("over", time.time())
        """,
    )
    result = inner.run("-s", process=True)
    ended = time.time()
    result.assert_outcomes(passed=1)
    [over] = re.findall(r"over ([\d.]+)", result.stdout.str())
    assert ended - float(over) < 2  # a process needs some time to end by itself


@pytest.mark.parametrize(
    ("package", "frozen"),
    [
        ("freezegun", "freezegun.freeze_time('2012-01-14')"),
        ("time_machine", "time_machine.travel('2012-01-14', tick=False)"),
    ],
)
def test_a_stopped_clock_does_not_stop_the_server(inner: Inner, package: str, frozen: str) -> None:
    """Whether it is stopped before the server starts or after, and though answers take their time."""
    pytest.importorskip(package)
    inner.write(
        test_it=f"""
        import time, {package}

        @pytest.mark.mockserver(speed=1)
        def test(mockserver):
            mockserver.when().reply("one two three", timing={{"first": "50ms", "every": "20ms"}})
            began = time.perf_counter()
            with {frozen}:
                assert time.gmtime().tm_year == 2012
                assert ask() == "one two three"
                stream = client.responses.create(model="gpt-5", input="go", stream=True)
                assert list(stream)[-1].type == "response.completed"
                other = another(**mockserver.client_kwargs)
                assert ask(to=other) == "one two three"

        @{frozen}
        def test_decorated(mockserver):
            mockserver.when().reply("ho")
            assert ask() == "ho"
        """
    )
    for only in ("", "test_decorated"):
        result = inner.run("-k", only, "-p", "no:randomly", process=True)
        result.assert_outcomes(passed=1 if only else 2, deselected=1 if only else 0)


def test_beside_closed_sockets(inner: Inner) -> None:
    """With every host but this machine shut, the server is still there, in its own thread as well."""
    pytest.importorskip("pytest_socket")
    inner.write(
        test_it="""
        import socket

        def test(mockserver):
            mockserver.when().reply("ho")
            assert ask() == "ho"
            with pytest.raises(Exception, match="connect"):
                socket.create_connection(("192.0.2.1", 80), timeout=1)
        """
    )
    inner.run("--disable-socket", "--allow-hosts=127.0.0.1", process=True).assert_outcomes(passed=1)


def test_the_plugin_costs_next_to_nothing_until_it_is_used(inner: Inner) -> None:
    """A run in which no test asks loads none of the engine, the server, YAML or the validators."""
    (inner.path / "conftest.py").write_text(
        """
import sys

HEAVY = {"starlette", "uvicorn", "uvloop", "jsonschema", "jsonschema_rs", "yaml", "orjson", "httptools", "click"}

def pytest_sessionfinish():
    rooms = sorted(name for name in sys.modules if name.startswith("mockserver"))
    print()
    print("heavy", sorted(HEAVY & set(sys.modules)))
    print("rooms", len(rooms), rooms)
"""
    )
    (inner.path / "test_it.py").write_text("def test(): pass\n")
    result = inner.run("-s", "-p", "no:asyncio", "-p", "no:anyio", "-p", "no:xdist", process=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["heavy []", "rooms *"])
    rooms = next(line for line in result.outlines if line.startswith("rooms "))
    assert int(rooms.split()[1]) < 15, rooms


def test_importing_the_plugin_takes_milliseconds() -> None:
    """Its own modules alone: pytest has loaded everything else."""
    script = "import pytest, time; b = time.perf_counter(); import mockserver.plugin; print(time.perf_counter() - b)"
    took = min(
        float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    )
    assert took < 0.05  # far under it on a machine that does nothing else


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    """Under a name that no other plugin has."""
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"responses_mockserver": "mockserver.plugin"}
