"""Tests that share one `mockserver serve`, a process of its own: each has a session there, and sees nothing of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.control import Control
from tests.doors.processes import Served, serving
from tests.plugin.conftest import Inner, ini


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server that was given no rules: what it answers by itself is no test's business."""
    with serving("--log", "off") as process:
        yield process


@pytest.fixture
def bare(served: Served) -> str:
    """Its bare URL."""
    return served.url.removesuffix("/v1")


@pytest.fixture
def shared(inner: Inner, bare: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inner]:
    """A run whose tests use that server. Afterwards nothing of them is left there."""
    monkeypatch.setenv("MOCKSERVER_URL", bare)
    yield inner
    assert [each.name for each in Control(bare).sessions() if each.name != "default"] == []


def test_the_first_test_reads_as_ever(shared: Inner, bare: str) -> None:
    """With a client made at import time; nothing is served in this process."""
    shared.check(
        """
        import os, threading

        assert "/s/" in os.environ["OPENAI_BASE_URL"]
        before = threading.enumerate()  # of whoever runs us: this run is in their process

        def test(mockserver):
            rule = mockserver.when(input=mockserver.contains("i")).reply("ho", usage={"input_tokens": 7, "output_tokens": 3})
            assert ask("hi", extra_headers={"x-a": "b"}) == "ho"
            assert (rule.called, rule.call_count, rule.requests[0].input_text) == (True, 1, "hi")
            last = mockserver.last_request
            assert (last.model, last.status, last.kind, last.rule, last.reply_text) == ("gpt-5", 200, "json", rule.label, "ho")
            assert (last.headers["x-a"], last.ended, last.usage["total_tokens"]) == ("b", "complete", 10)
            assert last.content == b'{"input":"hi","model":"gpt-5"}' or last.body == {"model": "gpt-5", "input": "hi"}
            assert mockserver.requests == [last] == mockserver.assert_called(times=1, input="hi")
            assert mockserver.assert_called(in_order=[rule])
            mockserver.assert_not_called(model="gpt-4")
            assert not [each for each in threading.enumerate() if each.name == "mockserver" and each not in before]
        """,
        passed=1,
    )
    assert shared.path.name  # and the server is still there:
    assert Control(bare).health()["status"] == "ok"


def test_verdicts_are_the_same(shared: Inner) -> None:
    """A miss, an unused rule, a reply too few, a bad request, an untruth, an unfilled look-up, a `when` without a reply."""
    told = shared.check(
        """
        def test_miss(mockserver):
            mockserver.when(input="ho", model="gpt-5").reply("x")
            swallow("hi")

        def test_unused(mockserver):
            mockserver.when(input="ho").reply("x")

        def test_exhausted(mockserver):
            mockserver.when(input="hi").reply("x", times=1)
            ask("hi")
            swallow("hi")

        def test_violation(mockserver):
            swallow(extra_body={"colour": 1})

        def test_violation_read(mockserver):
            swallow(extra_body={"colour": 1})
            assert mockserver.last_request.violations[0].code

        def test_untruth(mockserver):
            mockserver.when().reply("no json")
            form = {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}}
            swallow(text=form)

        def test_unfilled(mockserver):
            mockserver.when().reply("{{ metadata.nothing }}")
            swallow()

        def test_unfinished(mockserver):
            mockserver.when(input="hi")

        def test_failing(mockserver):
            swallow("what?")
            assert 1 == 2

        @pytest.mark.mockserver(allow=["miss", "unused"])
        def test_allowed(mockserver):
            mockserver.when(input="ho").reply("x")
            swallow("hi")
        """,
        passed=2,
        failed=8,
    )
    for line in (
        "mockserver: no rule matches POST /v1/responses",
        '    FAIL  input: expected "ho", found "hi"',
        '  to let it pass: @pytest.mark.mockserver(allow=["miss"])',
        " answered nothing",
        "has no reply left (its only reply is used)",
        "mockserver: in the app: it sent an invalid request: ",
        "mockserver: in the test: the reply of test_it.py:",
        "cannot be filled in",
        "mockserver: in the test: the when() at test_it.py:",
        "assert 1 == 2",
        "exchanges of this test:",
    ):
        assert line in told, line
    assert "mockserver/" not in told


def test_workers_share_it_and_never_see_each_other(shared: Inner, bare: str) -> None:
    """Under `-n 2`: the same names, the same requests at the same time, and each hears its own answer."""
    shared.write(
        test_it="""
        import os

        @pytest.mark.parametrize("n", range(12))
        def test(mockserver, n):
            rule = mockserver.when(input="hi").reply(f"ho {n}", times=3)
            assert [ask() for _ in range(3)] == [f"ho {n}"] * 3
            assert (rule.call_count, len(mockserver.requests)) == (3, 3)
            print("url", os.environ["OPENAI_BASE_URL"], os.environ["PYTEST_XDIST_WORKER"])

        def test_missing(mockserver):
            swallow("what?")
        """,
    )
    result = shared.run("-n", "2", "--mockserver-url", bare, "-rA", process=True)
    result.assert_outcomes(passed=12, failed=1)
    output = result.stdout.str()
    assert "mockserver: no rule matches POST /v1/responses: there are no rules" in output
    found = set(re.findall(r"url (\S+) (gw\d)", output))
    assert len(found) == 2
    assert all(url.startswith(f"{bare}/s/{worker}-") for url, worker in found)


def test_a_tool_loop_with_either_client(shared: Inner) -> None:
    """Chained by the id of the response, too: what was stored counts in what is read back."""
    shared.check(
        """
        import asyncio
        from openai import AsyncOpenAI

        TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}

        def script(mockserver):
            return mockserver.when(input=mockserver.contains("weather")).turns(
                mockserver.function_call("get_weather", {"city": "Paris"}),
                mockserver.text("It is {{ tool_outputs.get_weather }} in Paris."),
            )

        def test_sync(mockserver):
            rule = script(mockserver)
            first = client.responses.create(model="gpt-5", input="weather?", tools=[TOOL])
            output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "18 °C"}
            chained = dict(input=[output], previous_response_id=first.id, tools=[TOOL])
            assert client.responses.create(model="gpt-5", **chained).output_text == "It is 18 °C in Paris."
            assert (rule.call_count, mockserver.last_request.turn) == (2, 2)
            assert mockserver.last_request.transcript == "weather?\\n18 °C"
            assert mockserver.tool_calls == ["get_weather"]
            assert [each.output for each in mockserver.tool_outputs] == ["18 °C"]

        @pytest.mark.asyncio
        async def test_async(mockserver):
            script(mockserver)
            async with AsyncOpenAI(**mockserver.client_kwargs) as other:
                streams = await asyncio.gather(
                    *(other.responses.create(model="gpt-5", input="weather?", tools=[TOOL], stream=True) for _ in range(3))
                )
                last = [[event async for event in stream][-1] for stream in streams]
            assert {event.type for event in last} == {"response.completed"}
            assert len(await mockserver.wait_for_async(3, ended=True)) == 3
        """,
        passed=2,
    )


def test_time_is_the_session_s(shared: Inner) -> None:
    """It stands still, is moved and released, and plans are told as ever."""
    shared.check(
        """
        from mockserver import Timing

        def test_plans(mockserver):
            mockserver.when().reply("Once upon a time", timing=Timing(first=20, every=1))
            list(client.responses.create(model="gpt-5", input="hi", stream=True))
            assert mockserver.last_request.offsets[-1] == 23
            assert max(mockserver.last_request.sent) < 5

        def test_clock(mockserver):
            mockserver.otherwise("ok")
            before = client.responses.create(model="gpt-5", input="x").created_at
            assert (before, mockserver.clock.frozen) == (1767225600, True)
            mockserver.clock.advance(3600)
            assert client.responses.create(model="gpt-5", input="x").created_at == before + 3600
            mockserver.clock.freeze("2030-01-01T00:00:00Z")
            ask("x")
            assert mockserver.last_request.time == mockserver.clock.now == 1893456000
            mockserver.clock.release()
            assert not mockserver.clock.frozen
            with pytest.raises(ValueError, match="freeze it first"):
                mockserver.clock.advance(1)

        @pytest.mark.mockserver(now=None)
        def test_the_real_time(mockserver):
            import time
            mockserver.when().reply("slow", timing=Timing(first=20))
            assert ask() == "slow"
            assert abs(mockserver.clock.now - time.time()) < 60
            assert mockserver.last_request.offsets_ms == () and mockserver.last_request.ended == "complete"

        @pytest.mark.mockserver(speed=2)
        def test_pace(mockserver):
            mockserver.when().reply("a b", timing={"first": "100ms", "every": "100ms"})
            list(client.responses.create(model="gpt-5", input="hi", stream=True))
            assert 0.09 < mockserver.last_request.sent[-1] < 3
        """,
        passed=4,
    )


def test_waiting_for_what_comes(shared: Inner) -> None:
    """For work in the background, in a thread, and in vain."""
    shared.check(
        """
        import threading

        def test(mockserver):
            mockserver.otherwise("ok")
            thread = threading.Timer(0.1, ask, ["later"])
            thread.start()
            assert mockserver.wait_for(1, input="later", ended=True)[0].status == 200
            thread.join()
            with pytest.raises(AssertionError, match="waited 0.1 s for 2 requests"):
                mockserver.wait_for(2, timeout=0.1)

        @pytest.mark.asyncio
        async def test_async(mockserver):
            import asyncio
            mockserver.otherwise("ok")
            working = asyncio.create_task(asyncio.to_thread(ask))
            assert len(await mockserver.wait_for_async(1)) == 1
            await working
        """,
        passed=2,
    )


def test_what_the_client_did(shared: Inner) -> None:
    """Real moments, connections and headers of answers come with what is read back."""
    shared.check(
        """
        from mockserver import error, stall

        def test_backing_off(mockserver):
            mockserver.when().reply(error("rate_limit_exceeded", retry_after=0.05), times=2).then("ok")
            assert ask(to=another(**mockserver.client_kwargs).with_options(max_retries=3)) == "ok"
            [call] = mockserver.clients
            assert (call.statuses, call.retries) == ((429, 429, 200), 2)
            assert 0.04 < min(call.waits) < 2
            mockserver.clients.assert_backed_off()

        @pytest.mark.mockserver(speed=1)
        def test_leaving_early(mockserver):
            mockserver.when().reply("one two three", timing={"first": "1ms", "every": "300ms"})
            with another(**mockserver.client_kwargs) as leaving:
                stream = leaving.responses.create(model="gpt-5", input="hi", stream=True)
                next(iter(stream))
                stream.close()
            mockserver.wait_for(1, ended=True)
            assert [each.attempts[-1].reading for each in mockserver.clients] == ["closed early"]
            with pytest.raises(AssertionError, match="did not read its stream to the end"):
                mockserver.clients.assert_read_to_end()
        """,
        passed=2,
    )


def test_markers_files_and_settings(shared: Inner) -> None:
    """Files are sent as they stand, with what they include, and told by their names here; keys and limits of theirs hold."""
    ini(shared, "mockserver_rules = below.mock.yaml", "mockserver_validate = warn")
    files = {
        "below.mock.yaml": "otherwise: {text: from below}\n",
        "rules/a.mock.yaml": "include: [b.mock.yaml]\nrules:\n  - {when: {input: a}, reply: {text: from a}}\n",
        "rules/b.mock.yaml": "rules:\n  - {name: bee, when: {input: b}, reply: {text: from b}}\n",
        "keys.mock.yaml": "auth: {keys: [sk-mine]}\nrules:\n  - {when: {input: k}, reply: {text: let in}}\n",
    }
    for name, text in files.items():
        (shared.path / name).parent.mkdir(exist_ok=True)
        (shared.path / name).write_text(text)
    told = shared.check(
        """
        pytestmark = pytest.mark.mockserver("rules/a.mock.yaml", seed=7)

        def test(mockserver):
            mockserver.when(input="mine").reply("from the test")
            mockserver.load("rules/a.mock.yaml")
            assert [ask(said) for said in ("a", "b", "mine", "else")] == ["from a", "from b", "from the test", "from below"]
            assert [each.rule for each in mockserver.requests][:2] == ["rules/a.mock.yaml:3", "bee"]

        @pytest.mark.mockserver(strict=True)
        def test_strict(mockserver):
            assert ask("a") == "from a"

        @pytest.mark.mockserver("keys.mock.yaml")
        def test_keys(mockserver):
            assert ask("k", to=another(**mockserver.client_kwargs)) == "let in"
            assert mockserver.api_key == "sk-mine"
            swallow("k")
            assert mockserver.last_request.status == 401

        @pytest.mark.mockserver("rules/c.mock.yaml")
        def test_missing_file(mockserver): pass
        """,
        passed=2,
        failed=1,
        errors=1,
    )
    assert 'rules/b.mock.yaml:2 "bee" answered nothing' in told
    assert "rules: there is no 'rules/c.mock.yaml'" in told
    assert "from below" not in told.partition("exchanges")[2]


def test_what_cannot_be_sent_is_told_with_its_line(shared: Inner) -> None:
    """A function, an object that compares itself, a reply that is computed: which rule, and what to write instead."""
    shared.write(
        test_it="""
        import re
        from unittest.mock import ANY

        def test_pattern_is_fine(mockserver):
            mockserver.when(input=re.compile("^H", re.I)).reply("ho")
            assert ask("hi") == "ho"

        def test_function(mockserver):
            mockserver.when(input=lambda said: True).reply("x")

        def test_any(mockserver):
            mockserver.when(metadata={"a": ANY}).reply("x")

        def test_reply(mockserver):
            mockserver.when().reply(lambda request: "x")
        """,
    )
    result = shared.run()
    result.assert_outcomes(passed=1, failed=3)
    told = result.stdout.str()
    for line in (
        "test_it.py:10: on a shared server a rule cannot be Python, and `when.input` is Python: lambda at test_it.py:10 "
        "(say it with matchers: contains, glob",
        "`when.metadata.a` is Python: <ANY>",
        "`reply` is a Python function: lambda at test_it.py:16 (say it with look-ups such as {{ input }}, `turns`, or",
    ):
        assert line in told, line
    assert "mockserver/" not in told


def test_ids_are_those_of_a_server_of_ones_own(inner: Inner, bare: str) -> None:
    """They are drawn from the test's name, wherever it runs."""
    inner.write(
        test_it="""
        def test(mockserver):
            mockserver.when().reply("ho")
            print("id", client.responses.create(model="gpt-5", input="hi").id)
        """
    )
    runs = [inner.run("-s", *args).outlines for args in ((), ("--mockserver-url", bare))]
    ids = [[line for line in lines if "id resp_" in line] for lines in runs]
    assert ids[0] == ids[1] != []


def test_what_comes_too_late_is_told(shared: Inner) -> None:
    """To a test that has no session, and after a session has ended."""
    told = shared.check(
        """
        kept = []

        def test_first(mockserver):
            mockserver.otherwise("ok")
            kept.append(another(**mockserver.client_kwargs))

        def test_without():
            pass

        def test_outside():
            swallow("hello")

        def test_second(mockserver):
            swallow("hello?", to=kept[0])
        """,
        passed=2,
        failed=2,
    )
    assert "in the test: a request came to mockserver, and this test does not use it" in told
    assert re.search(r"in the app: a request came for the session \S+test_first\S+, which has ended", told)


def test_an_app_that_was_given_a_session_s_url(inner: Inner, bare: str) -> None:
    """It was started before the tests, and nobody can tell it another URL."""
    inner.write(
        test_it=f"""
        app = another(base_url="{bare}/s/app/v1", api_key="x")

        @pytest.mark.parametrize("n", [1, 2])
        def test(mockserver, n):
            mockserver.otherwise(f"ho {{n}}")
            assert ask(to=app) == f"ho {{n}}"
            assert len(mockserver.requests) == 1
        """
    )
    inner.run("--mockserver-url", f"{bare}/s/app/v1").assert_outcomes(passed=2)
    result = inner.run("--mockserver-url", f"{bare}/s/app/v1", "-n", "2", process=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --mockserver-url: the session in * is one app's, *: run without -n, or*"])


URLS = [
    ("http://127.0.0.1:9", "*no mockserver answers at http://127.0.0.1:9: Connection refused"),
    ("ftp://x", "*expected a server's URL such as http://127.0.0.1:8080, got 'ftp://x'"),
]


@pytest.mark.parametrize(("url", "line"), URLS)
@pytest.mark.parametrize("args", [(), ("-n", "1")])
def test_a_server_that_cannot_be_used_ends_the_run_in_one_line(
    inner: Inner, url: str, line: str, args: tuple[str, ...]
) -> None:
    inner.write(test_it="def test(mockserver): pass")
    result = inner.run("--mockserver-url", url, *args, process=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --mockserver-url: {line}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    inner.write(test_it="def test(): pass")
    if not args and "9" in url:
        inner.run("--mockserver-url", url).assert_outcomes(passed=1)


def test_a_server_that_goes_while_tests_run(inner: Inner) -> None:
    """Every further test fails in one line; the run comes to its end."""
    with serving("--log", "off") as process:
        inner.write(
            test_it=f"""
            import os, signal, time

            def test_first(mockserver):
                mockserver.otherwise("ok")
                assert ask() == "ok"
                os.kill({process.process.pid}, signal.SIGKILL)
                time.sleep(0.2)

            def test_second(mockserver): pass
            """
        )
        result = inner.run("--mockserver-url", process.url)
        process.process.communicate()
    told = result.stdout.str()
    result.assert_outcomes(failed=1, errors=1)
    assert told.count("no mockserver answers at") >= 2
    assert "mockserver/" not in told


def test_a_token(inner: Inner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for where this machine seems another one; taken from the environment."""
    with serving("--host", "0.0.0.0", "--log", "off", cwd=tmp_path, MOCKSERVER_TOKEN="t0ken") as process:
        port = process.url.removesuffix("/v1").rpartition(":")[2]
        inner.write(
            conftest="""
            import socket

            real = socket.getaddrinfo
            socket.getaddrinfo = lambda host, *args, **more: real("127.0.0.1" if host == "box.lan" else host, *args, **more)
            """,
            test_it="""
            def test(mockserver):
                mockserver.otherwise("ok")
                assert ask() == "ok"
            """,
        )
        args = ("--mockserver-url", f"http://box.lan:{port}")
        result = inner.run(*args, process=True)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: --mockserver-url: the mockserver at http://box.lan:*MOCKSERVER_TOKEN*"])
        monkeypatch.setenv("MOCKSERVER_TOKEN", "t0ken")
        inner.run(*args, process=True).assert_outcomes(passed=1)


def test_what_is_not_at_hand_says_so(shared: Inner) -> None:
    """And what is, is: the report, the drafts, another server of the test's own beside it."""
    told = shared.check(
        """
        from mockserver import MockServer

        def test(mockserver):
            mockserver.when(input="hi").reply("ho")
            to = another(**mockserver.client_kwargs)
            assert ask(to=to) == "ho"
            assert "1  POST /v1/responses 200 json test_it.py:" in mockserver.report()
            assert 'text: "ho"' in mockserver.dump()
            mockserver.check()
            for ask_for in ("session", "host", "verdict"):
                with pytest.raises(RuntimeError, match="the session is in another process, at http"):
                    getattr(mockserver, ask_for)()
            with MockServer() as own:
                own.when().reply("own")
                assert ask(to=another(**own.client_kwargs)) == "own"
            swallow("more", to=to)
            with pytest.raises(AssertionError, match="no rule matches"):
                mockserver.check()
            mockserver.check(allow=["miss"])

        def test_a_long_name_with_parameters(request): pass

        @pytest.mark.parametrize("said", ["a" * 300 + "1", "a" * 300 + "2"])
        def test_long(mockserver, said):
            mockserver.otherwise("ok")
            assert ask(said[-5:], to=another(**mockserver.client_kwargs)) == "ok"
            assert len(mockserver.session_name) <= 200
        """,
        passed=3,
        failed=1,
    )
    assert '@pytest.mark.mockserver(allow=["miss"])' in told


def test_an_app_started_once_and_a_config(shared: Inner) -> None:
    """The fixtures for apps that are started once, and for options, as ever."""
    shared.write(
        conftest="""
        @pytest.fixture(scope="session")
        def app(mockserver_url):
            return another(base_url=mockserver_url, api_key="x")

        @pytest.fixture(scope="session")
        def mockserver_config():
            return {"on_miss": "auto", "seed": 3}
        """,
        test_it="""
        @pytest.mark.parametrize("n", [1, 2])
        def test(app, mockserver, n):
            mockserver.when(input="hi").reply(f"ho {n}")
            assert ask(to=app) == f"ho {n}"
            assert ask("anything", to=app)
            assert [each.kind for each in mockserver.requests] == ["json", "json"]
        """,
    )
    shared.run().assert_outcomes(passed=2)


def test_a_dialect_is_the_server_s(shared: Inner) -> None:
    ini(shared, "mockserver_dialect = reference")
    shared.write(test_it="def test(mockserver): pass")
    result = shared.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mockserver_dialect: the dialect is that of the shared server; *"])


def test_a_server_that_is_too_old(inner: Inner) -> None:
    """It says less of itself."""
    import http.server
    import threading

    class Old(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "ok", "version": "0.0.9"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Old) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        inner.write(test_it="def test(mockserver): pass")
        result = inner.run("--mockserver-url", f"127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --mockserver-url: the mockserver at * is too old (0.0.9) for tests to share: *"]
    )


def test_recordings_need_a_server_of_this_process(shared: Inner) -> None:
    """One line says so, whether they would be played or made."""
    text = "@pytest.mark.mockserver(recording=True)\ndef test(mockserver):\n    ask()\n"
    for args in ((), ("--mockserver-record=all",)):
        printed = shared.check(text, *args, errors=1)
        assert "recording: a server in another process can neither play nor make this test's recordings" in printed
