"""The host: when it starts, what runs on its thread, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mockserver.core.errors import RuleFileError, SettingError
from mockserver.settings import Settings
from mockserver.testing.host import FOR_TESTS, Host
from mockserver.testing.server import MockServer
from tests.testing.asks import in_background, post, text_of

ROOT = Path(__file__).parents[2]


def run_script(script: str) -> str:
    """Run Python of its own, warnings as errors, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=False, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mockserver"]


def test_binding_loads_nothing_of_the_server() -> None:
    """A test run that never asks pays for a socket, and no more."""
    said = run_script(
        "import sys\n"
        "from mockserver.testing.host import Host\n"
        "host = Host(); host.bind()\n"
        "print({'uvicorn', 'starlette', 'orjson', 'yaml', 'jsonschema_rs'} & set(sys.modules), host.state)\n"
        "host.stop(); print(host.state)\n"
    )
    assert said.splitlines() == ["set() bound", "stopped"]


def test_the_first_request_starts_the_server() -> None:
    """A client made at import time, before anything was started, is answered."""
    host = Host()
    try:
        states: list[str] = [host.state]
        url = host.bind()
        assert host.bind() == url == host.url
        states.append(host.state)
        assert post(f"{url}/v1")[0] == 404
        assert [*states, host.state] == ["new", "bound", "serving"]
    finally:
        host.stop()


def test_it_can_be_started_any_number_of_times(host: Host) -> None:
    """Every session does; asking again must cost and block nothing."""
    began = time.monotonic()
    for _ in range(5000):
        assert host.start() is host.engine
    assert time.monotonic() - began < 2


def test_stopping_leaves_nothing_behind() -> None:
    """No thread, no port; stopping twice is fine, starting again is not."""
    before = threads()
    host = Host()
    host.start()
    parts = urlsplit(host.url)
    host.stop()
    host.stop()
    assert host.state == "stopped"
    assert threads() == before
    with pytest.raises(OSError, match=r"refused|reset"):
        socket.create_connection((str(parts.hostname), parts.port or 0), timeout=1).close()
    with pytest.raises(RuntimeError, match="make another"):
        host.start()


@pytest.mark.parametrize("begun", ["new", "bound"])
def test_one_that_never_served_can_be_stopped(begun: str) -> None:
    before = threads()
    host = Host()
    if begun == "bound":
        host.bind()
    host.stop()
    assert threads() == before


def test_a_hung_stream_holds_the_end_for_less_than_a_second() -> None:
    """Nor does a reply that takes a minute."""
    host = Host()
    with MockServer(host=host, check=False) as hung, MockServer(host=host, check=False, speed=1) as slow:
        hung.when().reply("one two", faults=[hung.stall(after={"deltas": 1})])
        slow.when().reply("one two", timing=slow.Timing(first=60))
        asking = [in_background(lambda each=each: _lost(each.base_url)) for each in (hung, slow)]  # type: ignore[misc]
        for each in (hung, slow):
            each.wait_for(1)
        began = time.monotonic()
        host.stop()
        assert time.monotonic() - began < 1
        for thread in asking:
            thread.join()
        assert [each.last_request.ended for each in (hung, slow)] == ["stalled", "failed"]


def _lost(url: str) -> None:
    with contextlib.suppress(OSError, HTTPException):
        post(url, {"stream": True})


def test_a_step_runs_on_the_server_s_thread_and_gives_back_what_it_makes(host: Host) -> None:
    assert host.run(lambda: threading.current_thread().name) == "mockserver"
    assert host.run(lambda: host.run(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        host.run(lambda: 1 // 0)


def test_steps_may_come_from_many_threads_and_from_inside_an_event_loop(host: Host) -> None:
    found: list[int] = []

    async def inside() -> int:
        return host.run(lambda: 1)

    workers = [in_background(lambda: found.extend(host.run(lambda: 1) for _ in range(50))) for _ in range(4)]
    assert asyncio.run(inside()) == 1
    for worker in workers:
        worker.join()
    assert len(found) == 200


def test_where_nothing_runs_a_step_is_refused_and_a_reading_settles_here() -> None:
    host = Host()
    with pytest.raises(RuntimeError, match="does not run"):
        host.run(lambda: 1)
    host.start()
    host.stop()
    with pytest.raises(RuntimeError, match="does not run"):
        host.run(lambda: 1)
    assert host.settle(threading.current_thread) is threading.current_thread()


def test_it_cannot_be_stopped_from_its_own_thread(host: Host) -> None:
    with pytest.raises(RuntimeError, match="own thread"):
        host.run(host.stop)
    assert host.state == "serving"


def test_sessions_get_names_of_their_own(host: Host) -> None:
    first, second = host.begin(), host.begin()
    assert first.name != second.name
    host.end(first)
    assert host.begin().name not in (first.name, second.name)
    host.end(second)


def test_ending_leaves_a_session_alone_that_was_begun_afresh_by_the_same_name(host: Host) -> None:
    old = host.begin("again")
    new = host.begin("again")
    host.end(old)
    assert host.engine.sessions.peek("again") is new
    host.end(new)
    assert post(f"{host.url}/s/again/v1")[0] == 410


@pytest.mark.parametrize("name", ["", "a/b", " a", "..", "a\n"])
def test_an_impossible_name_is_refused(host: Host, name: str) -> None:
    with pytest.raises(SettingError, match="session's name"):
        host.begin(name)


def test_what_keeps_it_from_starting_is_told_every_time(tmp_path: Path) -> None:
    """A mistake in the server's own rules, a port that is taken."""
    broken = tmp_path / "broken.mock.yaml"
    broken.write_text("rules: [{wen: {}, reply: {text: hi}}]\n")
    host = Host(rules=[broken])
    for _ in range(2):
        with pytest.raises((RuleFileError, RuntimeError)) as caught:
            host.start()
    host.stop()
    assert "broken.mock.yaml:1" in str(caught.value)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingError, match="in use"):
        Host(Settings(port=taken.getsockname()[1])).start()


def test_sessions_stand_on_the_host_s_rules(tmp_path: Path) -> None:
    below = tmp_path / "below.mock.yaml"
    below.write_text("otherwise: {text: from below}\n")
    host = Host(FOR_TESTS, [below])
    try:
        with MockServer(host=host) as server:
            server.when(input="mine").reply("from the session")
            assert text_of(post(server.base_url, {"input": "mine"})) == "from the session"
            assert text_of(post(server.base_url)) == "from below"
    finally:
        host.stop()


def test_files_are_read_again_only_when_they_change(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "a.mock.yaml"
    file.write_text("otherwise: {text: one}\n")
    first = host.read([file])
    assert host.read([file]) is first
    file.write_text("otherwise: {text: two and more}\n")
    assert host.read([file]) is not first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_ask_and_cannot_rule() -> None:
    """The child's clients talk to the parent's server; its copy of the host says where it is at home."""
    said = run_script(
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "from mockserver.testing.server import MockServer\n"
        "from tests.testing.asks import post, text_of\n"
        "with MockServer() as server:\n"
        "    server.when().reply('from the parent')\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        try:\n"
        "            print(text_of(post(server.base_url)))\n"
        "            server.close()\n"
        "            server.when()\n"
        "        except RuntimeError as error:\n"
        "            print(str(error)[:23])\n"
        "        sys.stdout.flush(); os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    print(server.requests[0].reply_text)\n"
    )
    assert said.splitlines() == ["from the parent", "this process was forked", "from the parent"]


def test_a_script_that_never_closes_ends_by_itself() -> None:
    said = run_script(
        "from mockserver.testing.server import MockServer\n"
        "server = MockServer().start(); server.when().reply('hi')\n"
        "from tests.testing.asks import post\n"
        "print(post(server.base_url)[0])\n"
    )
    assert said == "200"
