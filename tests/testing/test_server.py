"""The mock server: its life, pointing clients at it, files, the verdict."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, NotFoundError, OpenAI

from mockserver.core.errors import RuleFileError, SettingError
from mockserver.testing.host import Host
from mockserver.testing.server import MockServer
from tests.testing.asks import in_background, post, text_of


def test_one_by_itself_with_the_official_client() -> None:
    """`with`, a rule, a client, an answer, a request to look at."""
    with MockServer() as server:
        server.when(model="gpt-5").reply("hello")
        with OpenAI(**server.client_kwargs) as client:
            assert client.responses.create(model="gpt-5", input="hi").output_text == "hello"
            with client.responses.stream(model="gpt-5", input="again") as stream:
                assert stream.get_final_response().output_text == "hello"
        assert [request.input_text for request in server.requests] == ["hi", "again"]
    assert not [thread for thread in threading.enumerate() if thread.name == "mockserver" and not thread.daemon]
    assert server.requests[0].reply_text == "hello", "what was noted can be asked for afterwards"


async def test_inside_an_event_loop_with_the_official_async_client() -> None:
    async with MockServer() as server:
        server.when().reply("hello", timing={"every": "5ms"})
        async with AsyncOpenAI(**server.client_kwargs) as client:
            answers = await asyncio.gather(*(client.responses.create(model="m", input=str(n)) for n in range(5)))
            assert {answer.output_text for answer in answers} == {"hello"}
            stream = await client.responses.create(model="m", input="s", stream=True)
            assert [event.type async for event in stream][-1] == "response.completed"
        server.assert_called(times=6)


async def test_a_plain_with_works_where_a_loop_runs() -> None:
    """As in a notebook, whose cells run inside a loop."""
    with MockServer() as server:
        server.when().reply("hello")
        async with AsyncOpenAI(**server.client_kwargs) as client:
            assert (await client.responses.create(model="m", input="hi")).output_text == "hello"


def test_one_that_is_not_started_says_so() -> None:
    server = MockServer()
    for ask in (
        lambda: server.base_url,
        server.when,
        lambda: server.otherwise("x"),
        lambda: server.requests,
        lambda: server.clock,
        lambda: server.load("a.mock.yaml"),
        server.dump,
    ):
        with pytest.raises(RuntimeError, match=r"start\(\)"):
            ask()
    assert repr(server) == "<MockServer, not started>"
    server.close()


def test_starting_and_closing_by_hand_as_unittest_does() -> None:
    server = MockServer()
    assert server.start() is server.start()
    server.when().reply("hi")
    assert text_of(post(server.base_url)) == "hi"
    server.close()
    server.close()
    assert "closed" in repr(server)
    with pytest.raises(OSError, match="refused"):
        post(server.base_url)


def test_sessions_of_one_host_never_see_each_other(host: Host) -> None:
    with MockServer(host=host) as one, MockServer(host=host) as two:
        one.when().reply("one")
        two.when().reply("two")
        assert text_of(post(one.base_url)) == "one"
        assert text_of(post(two.base_url)) == "two"
        assert len(one.requests) == len(two.requests) == 1


def test_a_session_that_was_left_is_gone(host: Host) -> None:
    with MockServer(host=host, session="gone") as server:
        server.when().reply("hi")
        with OpenAI(**server.client_kwargs) as client:
            client.responses.create(model="m", input="hi")
            server.close()
            with pytest.raises(APIStatusError, match="'gone' has ended") as caught:
                client.responses.create(model="m", input="hi")
    assert caught.value.status_code == 410
    assert len(server.requests) == 1


def test_a_stream_left_over_writes_into_its_own_session_only(host: Host) -> None:
    """The same name, begun again while a stream of the one before still runs."""
    old = MockServer(host=host, session="same", check=False, speed=1).start()
    old.when().reply("one two three", timing={"every": "50ms"})
    asking = in_background(lambda: post(old.base_url, {"stream": True}))
    old.wait_for(1)
    old.close()
    with MockServer(host=host, session="same", check=False) as new:
        asking.join()
        assert new.requests == []
    assert old.requests[0].ended == "complete"


def test_ids_are_the_same_in_every_run(host: Host) -> None:
    """And another session's are others."""

    def ids(name: str) -> str:
        with MockServer(host=host, session=name) as server:
            server.when().reply("hi")
            post(server.base_url)
            assert server.last_request.response is not None
            return str(server.last_request.response["id"])

    assert ids("ids") == ids("ids") != ids("ids-2")


def test_time_stands_still_and_streams_are_sent_at_once_by_default(server: MockServer, client: OpenAI) -> None:
    """Planned offsets tell what would have been."""
    server.when().reply("one two three", timing=server.Timing(first=10, every=5))
    began = time.monotonic()
    list(client.responses.create(model="m", input="hi", stream=True))
    assert time.monotonic() - began < 5
    request = server.last_request
    assert request.offsets[0] == 0
    assert request.offsets[-1] >= 20
    assert request.offsets_ms[-1] == request.offsets[-1] * 1000
    assert request.time == 1767225600.0
    assert request.response is not None
    assert request.response["created_at"] == 1767225600


@pytest.mark.parametrize(
    ("terms", "seconds", "day"),
    [
        ({"speed": 1}, 0.2, 2026),
        ({"speed": 2}, 0.1, 2026),
        ({"speed": 0}, 0, 2026),
        ({"now": None}, 0, None),
        ({"now": None, "speed": 1}, 0.2, None),
        ({"now": "2030-05-05T00:00:00Z"}, 0, 2030),
    ],
)
def test_speed_and_now_part_the_pace_from_the_time_of_day(
    host: Host, terms: dict[str, Any], seconds: float, day: int | None
) -> None:
    with MockServer(host=host, **terms) as server:
        server.when().reply("one", timing={"first": "200ms"})
        began = time.monotonic()
        post(server.base_url, {"stream": True})
        took = time.monotonic() - began
        assert seconds * 0.95 <= took < seconds + 0.15
        year = server.clock.time.year
        assert year == (day or time.gmtime().tm_year)


def test_a_client_told_to_wait_by_default_does_not_wait_long(server: MockServer, client: OpenAI) -> None:
    server.when().reply(server.error("rate_limit_exceeded"), times=2).then("fine")
    began = time.monotonic()
    assert client.responses.create(model="m", input="hi").output_text == "fine"
    assert time.monotonic() - began < 0.5


def test_settings_reach_the_engine(host: Host) -> None:
    with MockServer(host=host, validate="off", on_miss="auto", auth_keys=["sk-a"], seed=3) as server:
        assert server.client_kwargs["api_key"] == "sk-a"
        assert post(server.base_url, {"temperature": "hot"})[0] == 401
        assert post(server.base_url, {"temperature": "hot"}, authorization="Bearer sk-a")[0] == 200
        assert server.options.seed == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"validate": "enforced"}, r"MockServer\(validate=\): expected enforce, warn or off.*did you mean enforce"),
        ({"speed": -1}, r"MockServer\(speed=\): expected a factor"),
        ({"now": "soon"}, r"MockServer\(now=\): expected a time"),
        ({"exhausted": "stop"}, r"MockServer\(exhausted=\): expected miss, repeat or cycle"),
        ({"allow": ["mis"]}, r"MockServer\(allow=\): .*did you mean 'miss'"),
        ({"seed": "x"}, r"MockServer\(seed=\): expected a whole number"),
        ({"session": "a/b"}, "session's name"),
        ({"dialect": "reference"}, "the dialect is that of the host"),
        ({"rules": "missing.mock.yaml"}, "there is no such file"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(host: Host, settings: dict[str, Any], said: str) -> None:
    with pytest.raises((SettingError, RuleFileError), match=said) as caught:
        MockServer(host=host, **settings).start()
    assert "\n" not in str(caught.value)


def test_one_that_cannot_start_leaves_nothing_running() -> None:
    before = threading.active_count()
    with pytest.raises(RuleFileError):
        MockServer("missing.mock.yaml").start()
    assert threading.active_count() == before


# --- files


def test_files_are_added_after_what_was_said_before(host: Host, tmp_path: Path) -> None:
    """Rules in the order added; paths from the base folder; of two `otherwise` the test's own counts."""
    (tmp_path / "more").mkdir()
    (tmp_path / "a.mock.yaml").write_text(
        "rules: [{when: {input: a}, reply: {text: file a}}, {when: {input: b}, reply: {text: file b}}]\n"
        "otherwise: {text: file otherwise}\n"
    )
    (tmp_path / "more/b.mock.yaml").write_text("rules: [{when: {input: c}, reply: {text: file c}}]\n")
    with MockServer("more/b.mock.yaml", host=host, base=tmp_path, check=False) as server:
        server.when(input="a").reply("python a")
        server.load("a.mock.yaml", "more")
        server.when(input="b").reply("python b")
        said = {name: text_of(post(server.base_url, {"input": name})) for name in "abcd"}
        assert said == {"a": "python a", "b": "file b", "c": "file c", "d": "file otherwise"}
        server.otherwise("python otherwise")
        server.otherwise("the last word")
        assert text_of(post(server.base_url)) == "the last word"
        server.load("a.mock.yaml")
        assert len(server.session.rules) == 5


def test_every_mistake_of_all_files_comes_at_once_and_nothing_is_added(server: MockServer, tmp_path: Path) -> None:
    one, two = tmp_path / "one.mock.yaml", tmp_path / "two.mock.yaml"
    one.write_text("rules: [{wen: {}, reply: {text: x}}]\n")
    two.write_text("rules: [{reply: {tex: x}}]\notherwise: {text: x}\n")
    with pytest.raises(RuleFileError) as caught:
        server.load(one, two, tmp_path / "thre.mock.yaml")
    assert len(caught.value.problems) == 3
    assert all(f"{name}.mock.yaml" in str(caught.value) for name in ("one", "two", "thre"))
    assert server.session.rules == server.session.otherwise == ()


def test_a_file_s_keys_and_limits_are_the_session_s(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "a.mock.yaml"
    file.write_text("auth: {keys: [sk-file]}\nlimits: {requests: 1}\notherwise: {text: hi}\n")
    with MockServer(file, host=host) as server, MockServer(host=host, on_miss="auto") as other:
        assert server.api_key == "sk-file"
        key = f"Bearer {server.api_key}"
        assert [post(server.base_url, authorization=key)[0] for _ in range(2)] == [200, 429]
        server.clock.advance(60)
        assert post(server.base_url, authorization=key)[0] == 200
        assert post(other.base_url)[0] == 200


# --- threads and proxies


def test_many_threads_and_clients_in_one_test(server: MockServer) -> None:
    server.when(model="a").reply("from a")
    server.when(model="b").reply("from b")

    def work(model: str) -> None:
        with OpenAI(**server.client_kwargs) as client:
            for n in range(10):
                assert client.responses.create(model=model, input=str(n)).output_text == f"from {model}"

    workers = [in_background(lambda model=model: work(model)) for model in "abab"]  # type: ignore[misc]
    for worker in workers:
        worker.join()
    assert len(server.requests) == 40
    assert [handle.call_count for handle in server.handles] == [20, 20]


def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients made while it runs come directly; afterwards the variables are as they were."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    with MockServer() as server:
        server.when().reply("directly")
        with OpenAI(**server.client_kwargs, max_retries=0) as client:
            assert client.responses.create(model="m", input="hi").output_text == "directly"
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "example.com,127.0.0.1"
    assert os.environ["NO_PROXY"] == "example.com"
    assert "no_proxy" not in os.environ


def test_without_a_proxy_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    before = dict(os.environ)
    with MockServer():
        assert dict(os.environ) == before


# --- the verdict


def test_leaving_tells_what_is_wrong_even_if_the_app_swallowed_it(host: Host) -> None:
    def test() -> None:
        with MockServer(host=host) as server:
            server.when(input="rain").reply("Wet.", optional=True)
            post(server.base_url, {"input": "sun"})

    with pytest.raises(AssertionError, match=r"no rule matches POST /v1/responses") as caught:
        test()
    assert 'MockServer(allow=["miss"])' in str(caught.value)


@pytest.mark.parametrize(
    ("terms", "clean"),
    [({"allow": ["miss", "unused"]}, True), ({"allow": ["miss"]}, False), ({"check": False}, True)],
)
def test_what_is_allowed_is_not_wrong(host: Host, terms: dict[str, Any], clean: bool) -> None:
    server = MockServer(host=host, **terms).start()
    server.when(input="rain").reply("Wet.")
    post(server.base_url)
    if clean:
        server.__exit__(None, None, None)
    else:
        with pytest.raises(AssertionError, match="answered nothing"):
            server.__exit__(None, None, None)
        server.close()


def test_an_exception_in_the_block_is_not_covered_up(host: Host) -> None:
    def test() -> None:
        with MockServer(host=host) as server:
            post(server.base_url)
            raise KeyError("the app's own")

    with pytest.raises(KeyError, match="the app's own"):
        test()


def test_a_when_without_a_reply_is_told_with_its_line(host: Host) -> None:
    server = MockServer(host=host).start()
    line = _line() + 1
    server.when(input="half")
    with pytest.raises(AssertionError, match=rf"test_server\.py:{line} has no reply"):
        server.check()
    server.close()


def test_rules_of_files_have_to_be_used_only_where_that_is_asked_for(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "a.mock.yaml"
    file.write_text("rules: [{when: {input: never}, reply: {text: x}}]\n")
    with MockServer(file, host=host):
        pass
    with (
        pytest.raises(AssertionError, match=r"a\.mock\.yaml:1 answered nothing"),
        MockServer(file, host=host, strict=True),
    ):
        pass


def test_looking_at_violations_says_that_the_test_knows_of_them(host: Host) -> None:
    with MockServer(host=host) as server:
        post(server.base_url, {"temperature": "hot"})
        assert not server.verdict().ok
        assert server.last_request.violations[0].param == "temperature"


def test_a_miss_tells_the_client_too(server: MockServer, client: OpenAI) -> None:
    server.when(input="rain").reply("Wet.")
    with pytest.raises(NotFoundError, match="No rule matches"):
        client.responses.create(model="m", input="sun")
    assert server.last_request.rule is None
    assert "nearest" in server.last_request.miss


def _line() -> int:
    return sys._getframe(1).f_lineno
