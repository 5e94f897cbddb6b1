"""Recordings in tests: made once from a real upstream, replayed without it, and a failure where one is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mockserver.core.errors import SettingError
from mockserver.core.recordings.editing import listed
from mockserver.testing.server import MockServer
from tests.live import Live, serving
from tests.plugin.conftest import Inner

RULES = """
rules:
  - when: {headers: {authorization: {not: Bearer sk-mine-8f3kq0vZt71xw}}}
    reply: {error: invalid_api_key}
  - when: {input: again}
    replies: [{text: first}, {text: second}]
otherwise: {text: "really: {{ input }}"}
"""

TEST = """
@pytest.mark.mockserver(recording=True)
def test_real(mockserver):
    assert ask("hello") == "really: hello"
    assert mockserver.last_request.status == 200
    assert ask("hello", another(**mockserver.client_kwargs)) == "really: hello"
"""

KEY = "sk-mine-8f3kq0vZt71xw"


@pytest.fixture
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Stands where the real API would, and knows the user's key alone."""
    rules = tmp_path_factory.mktemp("real") / "real.mock.yaml"
    rules.write_text(RULES)
    with serving(rules) as live:
        yield live


@pytest.fixture(autouse=True)
def environment(inner: Inner, real: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's shell has: a base URL and a key of their own."""
    monkeypatch.setenv("OPENAI_BASE_URL", real.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("MOCKSERVER_RECORD", "MOCKSERVER_UPSTREAM"):
        monkeypatch.delenv(name, raising=False)


def asked(real: Live) -> int:
    """How many requests have reached the real API."""
    return real.engine.sessions.find("default").journal.total


def made(inner: Inner, name: str = "test_it/test_real") -> Path:
    return inner.path / "recordings" / f"{name}.mock.yaml"


def names(path: Path) -> list[str]:
    return [rule["name"] for rule in listed(path.read_text())]


def test_recorded_once_and_replayed(inner: Inner, real: Live) -> None:
    """Beside the test, in a file of its own; afterwards the real API is not asked any more, and the key is nowhere."""
    inner.check(TEST, "--mockserver-record=once", passed=1)
    assert names(made(inner)) == ["test_real 1", "test_real 2"]
    assert asked(real) == 2
    assert not any(KEY.encode() in path.read_bytes() for path in made(inner).parent.iterdir())
    before = {path: path.read_bytes() for path in made(inner).parent.iterdir()}
    inner.check(TEST, passed=1)
    inner.check(TEST, "--mockserver-record=once", passed=1)
    assert asked(real) == 2
    assert {path: path.read_bytes() for path in made(inner).parent.iterdir()} == before


def test_a_missing_recording_fails_and_says_how_to_make_one(inner: Inner, real: Live) -> None:
    """Before the test begins; nothing is asked."""
    printed = inner.check(TEST, errors=1)
    assert "there is no recording at recordings/test_it/test_real.mock.yaml" in printed
    assert "pytest --mockserver-record=new" in printed
    assert asked(real) == 0


def test_ci_records_nothing_by_itself(inner: Inner, real: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing there fails; a set is replaced there only where that is said."""
    monkeypatch.setenv("CI", "true")
    for mode in ("once", "new"):
        printed = inner.check(TEST, f"--mockserver-record={mode}", errors=1)
        assert "there is no recording at" in printed
        assert "pytest --mockserver-record=new, where CI is not set; a test that asks nothing needs none" in printed
    assert asked(real) == 0
    inner.check(TEST, "--mockserver-record=rewrite", passed=1)
    assert made(inner).exists()


def test_another_request_misses_with_a_diff(inner: Inner, real: Live) -> None:
    """The nearest recording, what differs, and how to record the new one; `new` records it."""
    inner.check(TEST, "--mockserver-record=once", passed=1)
    other = TEST.replace('ask("hello") ==', 'ask("good bye") ==').replace("really: hello", "really: good bye", 1)
    printed = inner.check(other, failed=1)
    assert 'input: expected "hello", found "good bye"' in printed
    assert "or record what the real API answers: pytest --mockserver-record=new" in printed
    inner.check(other, "--mockserver-record=new", passed=1)
    assert names(made(inner)) == ["test_real 1", "test_real 2", "test_real 3"]
    inner.check(other, passed=1)
    assert asked(real) == 3


def test_an_unmarked_test_is_told_how_to_record(inner: Inner) -> None:
    """Its miss says which marker and option it takes."""
    printed = inner.check('def test_miss(mockserver):\n    swallow("hello")\n', failed=1)
    assert "@pytest.mark.mockserver(recording=True), then pytest --mockserver-record=new" in printed


def test_rewriting_needs_a_test_that_passes(inner: Inner, real: Live) -> None:
    """A set is replaced at a clean end; a failing test leaves it as it was."""
    inner.check(TEST, "--mockserver-record=once", passed=1)
    before = {path: path.read_bytes() for path in made(inner).parent.iterdir()}
    inner.check(TEST + "    assert False\n", "--mockserver-record=rewrite", failed=1)
    assert {path: path.read_bytes() for path in made(inner).parent.iterdir()} == before
    shorter = "".join(TEST.splitlines(keepends=True)[:4])
    inner.check(shorter, "--mockserver-record=rewrite", passed=1)
    assert names(made(inner)) == ["test_real 1"]
    assert asked(real) == 5


def test_identical_requests_in_order(inner: Inner) -> None:
    """Each recording answers once."""
    text = """
    @pytest.mark.mockserver(recording=True)
    def test_real(mockserver):
        assert [ask("again"), ask("again")] == ["first", "second"]
    """
    inner.check(text, "--mockserver-record=all", passed=1)
    inner.check(text, passed=1)
    once_more = text.replace('ask("again")]', 'ask("again"), swallow("again")]').replace('"second"]', '"second", None]')
    assert "already played" in inner.check(once_more, failed=1)


def test_rules_of_the_test_come_first(inner: Inner) -> None:
    """What a test says itself is answered instead of what was recorded."""
    text = """
    @pytest.mark.mockserver(recording=True)
    def test_real(mockserver):
        assert ask("hello") == "really: hello"
    """
    inner.check(text, "--mockserver-record=once", passed=1)
    over = """
    @pytest.mark.mockserver(recording=True)
    def test_real(mockserver):
        mockserver.when(input="hello").reply("mine")
        assert ask("hello") == "mine"
    """
    inner.check(over, passed=1)


def test_another_upstream_by_option_or_variable(inner: Inner, real: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the variable, which wins over the base URL of the shell."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    inner.check(TEST, "--mockserver-record=all", f"--mockserver-upstream={real.base_url}", passed=1)
    monkeypatch.setenv("MOCKSERVER_UPSTREAM", real.base_url)
    monkeypatch.setenv("MOCKSERVER_RECORD", "rewrite")
    inner.check(TEST, passed=1)
    assert asked(real) == 4


def test_parametrised_tests_and_workers(inner: Inner, real: Live) -> None:
    """A set for each, written by the process that runs it; then all of them replay, in parallel too."""
    text = """
    @pytest.mark.mockserver(recording=True)
    @pytest.mark.parametrize("said", ["one", "two", "drei ü", "four"])
    def test_real(mockserver, said):
        assert ask(said) == f"really: {said}"
    """
    inner.write(test_it=text)
    inner.run("-n", "2", "--mockserver-record=once", process=True).assert_outcomes(passed=4)
    sets = sorted(path.name for path in (inner.path / "recordings" / "test_it").glob("*.mock.yaml"))
    assert len(sets) == 4
    assert "test_real-one.mock.yaml" in sets
    inner.run("-n", "2", process=True).assert_outcomes(passed=4)
    assert asked(real) == 4


def test_what_cannot_be_written_fails_the_test(inner: Inner, real: Live) -> None:
    """The app has had its answer, and the test says what was lost."""
    (inner.path / "recordings").write_text("a file where the folder should be")
    printed = inner.check(TEST, "--mockserver-record=all", failed=1)
    assert "in the recording: NOT recorded" in printed
    assert asked(real) == 2


def test_a_named_set(inner: Inner) -> None:
    """Seen from the test's folder."""
    named = TEST.replace("recording=True", 'recording="shared/story.mock.yaml"')
    inner.check(named, "--mockserver-record=once", passed=1)
    assert (inner.path / "shared" / "story.mock.yaml").exists()
    inner.check(named, passed=1)


def test_streams_replay_to_async_clients_and_leave_early(inner: Inner) -> None:
    """A stream that the client leaves is recorded as far as it was seen."""
    text = """
    import openai

    @pytest.mark.mockserver(recording=True)
    async def test_real(mockserver):
        async with openai.AsyncOpenAI(max_retries=0) as client:
            async with client.responses.stream(model="gpt-5", input="hello") as stream:
                told = [event.type async for event in stream]
            assert told[0] == "response.created"
            assert (await stream.get_final_response()).output_text == "really: hello"
    """
    inner.check(text, "-p", "asyncio", "--asyncio-mode=auto", "--mockserver-record=once", passed=1)
    assert made(inner).with_name("test_real.1.sse").exists()
    inner.check(text, "-p", "asyncio", "--asyncio-mode=auto", passed=1)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            ("--mockserver-record=onse",),
            "--mockserver-record: expected none, once, new, all or rewrite, got 'onse'; did",
        ),
        (("--mockserver-record=all", "--mockserver-upstream=nowhere"), "--mockserver-upstream: expected a URL such as"),
    ],
)
def test_wrong_options(inner: Inner, args: tuple[str, ...], told: str) -> None:
    """One clear line."""
    inner.write(test_it=TEST)
    result = inner.run(*args, process=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()


def test_a_base_url_that_is_none_is_named(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the option that is wrong; without recording nobody cares."""
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost")
    inner.write(test_it="def test(): pass")
    result = inner.run("--mockserver-record=all", process=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "OPENAI_BASE_URL: expected a URL such as" in result.stderr.str()
    assert "or say --mockserver-upstream=URL" in result.stderr.str()
    inner.run(process=True).assert_outcomes(passed=1)


def test_an_unused_recording_is_taken_out_or_made_again(inner: Inner) -> None:
    """Under `strict`, with the words for a recording."""
    strict = TEST.replace("recording=True", "recording=True, strict=True")
    inner.check(strict, "--mockserver-record=once", passed=1)
    printed = inner.check("".join(strict.splitlines(keepends=True)[:4]), failed=1)
    assert "take the recording out, or record the set again in mode rewrite" in printed
    assert "optional=True" not in printed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"record": "once"}, "record='once': say into which file, recording='NAME.mock.yaml'"),
        ({"record": "once", "recording": "a.mock.yaml"}, "give MockServer an upstream='https://"),
    ],
)
def test_a_script_is_told_what_it_left_out(options: dict[str, str], told: str, tmp_path: Path) -> None:
    """Nothing is silently not recorded."""
    with pytest.raises(SettingError, match=re.escape(told)):
        MockServer(base=tmp_path, **options).start()  # type: ignore[arg-type]  # names of texts only


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("1", "recording: expected True, False or the path"),
        ("'story.yaml'", "expected the path of a rule file, NAME.mock.yaml"),
    ],
)
def test_wrong_wishes(inner: Inner, wish: str, told: str) -> None:
    """One clear line."""
    assert told in inner.check(TEST.replace("recording=True", f"recording={wish}"), errors=1)


def test_an_age_limit_warns_and_fails_in_ci(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the `recordings.yaml` of the folder says."""
    inner.check(TEST, "--mockserver-record=once", passed=1)
    text = made(inner).read_text()
    made(inner).write_text(re.sub(r"at: '\d{4}", "at: '2020", text))
    (inner.path / "recordings" / "recordings.yaml").write_text("max_age: 90d\n")
    printed = inner.check(TEST, "-W", "default::UserWarning", passed=1)
    assert "RecordingWarning: recordings/test_it/test_real.mock.yaml:4" in printed
    assert "it may be 90 days" in printed
    monkeypatch.setenv("CI", "true")
    assert "it may be 90 days" in inner.check(TEST, errors=1)


STREAMED = """
@pytest.mark.mockserver(recording=True)
def test_real(mockserver):
    with client.responses.create(model="gpt-5", input="hello", stream=True) as stream:
        types = [event.type for event in stream]
    mockserver.wait_for(1, ended=True)
    request = mockserver.last_request
    assert len(request.offsets) == len(types)
    assert list(request.offsets) == sorted(request.offsets)
    assert request.reply_text == "really: hello"
    ask("hello")
    streamed, plain = mockserver.clients
    assert (streamed.read_to_end, str(streamed.attempts[0])) == (True, "200, stream to the end")
    assert (plain.read_to_end, str(plain.attempts[0])) == (True, "200")
    mockserver.clients.assert_read_to_end()
"""


def test_a_stream_is_seen_alike_while_it_is_recorded(inner: Inner) -> None:
    """What a test asserts of a stream's reading and offsets holds both times."""
    inner.check(STREAMED, "--mockserver-record=once", passed=1)
    inner.check(STREAMED, passed=1)


def test_leaving_a_stream_early_is_seen_while_it_is_recorded(
    inner: Inner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The client is the one who left, whoever answers."""
    rules = tmp_path_factory.mktemp("slow") / "slow.mock.yaml"
    rules.write_text("otherwise: {text: one two three four, timing: {every: 50ms}}\n")
    text = """
    @pytest.mark.mockserver(recording=True, speed=1)
    def test_real(mockserver):
        with client.responses.create(model="gpt-5", input="hello", stream=True) as stream:
            next(iter(stream))
        mockserver.wait_for(1, ended=True)
        assert str(mockserver.clients[0].attempts[0]) == "200, stream closed early"
    """
    with serving(rules) as slow:
        inner.check(text, "--mockserver-record=once", f"--mockserver-upstream={slow.base_url}", passed=1)


def test_nobodys_answer_is_no_recording(inner: Inner, real: Live) -> None:
    """An upstream that is down fails the test and leaves nothing that would be played once it is up again."""
    swallowing = TEST.replace('assert ask("hello") == "really: hello"', 'swallow("hello")', 1).split("    assert ask")[
        0
    ]
    down = ("--mockserver-record=once", "--mockserver-upstream=http://127.0.0.1:1/v1")
    swallowing = swallowing.replace("    assert mockserver.last_request.status == 200\n", "")
    printed = inner.check(swallowing, *down, failed=1)
    told = (
        "in the recording: NOT recorded, POST /v1/responses: no answer from http://127.0.0.1:1/v1: connection refused"
    )
    assert told in printed
    assert told in inner.check(TEST, *down, failed=1)
    assert not made(inner).exists()
    inner.check(TEST, "--mockserver-record=once", passed=1)


@pytest.mark.parametrize(
    ("library", "frozen"),
    [("freezegun", 'freeze_time("2001-01-01")'), ("time_machine", 'travel("2001-01-01", tick=False)')],
)
def test_a_test_that_stops_the_clock_does_not_age_its_recordings(inner: Inner, library: str, frozen: str) -> None:
    """A recording is as old as it really is."""
    pytest.importorskip(library)
    text = TEST.replace("@pytest", f"import {library}\n@{library}.{frozen}\n@pytest", 1)
    inner.check(text, "--mockserver-record=once", passed=1)
    (noted,) = {datetime.fromisoformat(found) for found in re.findall(r"at: '([^']+)'", made(inner).read_text())[:1]}
    assert abs((datetime.now(UTC) - noted).total_seconds()) < 60
    inner.check(text, passed=1)


SHARED = """
pytestmark = pytest.mark.mockserver(recording="shared.mock.yaml")

def test_a(mockserver):
    assert ask("a") == "really: a"
    assert ask("both") == "really: both"

def test_b(mockserver):
    assert ask("b") == "really: b"
    assert ask("both") == "really: both"
"""


@pytest.mark.parametrize("mode", ["once", "new", "all", "rewrite"])
def test_tests_that_share_a_set_add_to_it(inner: Inner, mode: str) -> None:
    """The first one makes it or makes room for it; the ones after it take nothing of it away."""
    shared = inner.path / "shared.mock.yaml"
    inner.check(SHARED, f"--mockserver-record={mode}", passed=2)
    inner.check(SHARED, passed=2)
    before = len(names(shared))
    inner.check(SHARED, f"--mockserver-record={mode}", passed=2)
    assert len(names(shared)) == (before * 2 if mode == "all" else before)
    inner.check(SHARED, passed=2)


def test_a_shared_set_is_not_replaced_by_several_processes(inner: Inner) -> None:
    """One line says so; other modes are fine."""
    inner.write(test_it=SHARED)
    inner.run("-n", "2", "--mockserver-record=all", process=True).assert_outcomes(passed=2)
    result = inner.run("-n", "2", "--mockserver-record=rewrite", process=True)
    result.assert_outcomes(errors=2)
    assert "recording='shared.mock.yaml': other tests may record into it too" in result.stdout.str()
    assert "rewrite it without -n (-n 0)" in result.stdout.str()


def test_a_failing_test_that_is_run_again_goes_on_recording(inner: Inner) -> None:
    """A first try that came to half of it does not make the set complete."""
    again = """
    tries = []

    @pytest.fixture(params=[1, 2], ids=["", ""])
    def number(request):
        return request.param

    @pytest.mark.mockserver(recording="half.mock.yaml")
    def test_real(mockserver, number):
        assert ask("one") == "really: one"
        assert number == 2
        assert ask("two") == "really: two"
    """
    inner.check(again, "--mockserver-record=once", passed=1, failed=1)
    assert len(names(inner.path / "half.mock.yaml")) == 2


def test_a_set_that_cannot_be_replaced_is_told(inner: Inner) -> None:
    """The old one stays, and the test is not fine."""
    inner.check(TEST, "--mockserver-record=once", passed=1)
    exact = made(inner).with_name("test_real.1.json")
    exact.unlink()
    exact.mkdir()
    printed = inner.check(TEST, "--mockserver-record=rewrite", passed=1, errors=1)
    assert "mockserver: the set recordings/test_it/test_real.mock.yaml is not replaced: cannot write" in printed


def test_a_report_in_the_middle_uses_nothing_up(inner: Inner) -> None:
    """What could not be written fails the test however often it was told."""
    (inner.path / "recordings").write_text("a file where the folder should be")
    text = TEST + "    assert 'NOT recorded' in mockserver.report()\n"
    assert "in the recording: NOT recorded" in inner.check(text, "--mockserver-record=all", failed=1)


def test_the_real_api_judges_keys_while_something_is_recorded(inner: Inner) -> None:
    """The user's own is no key of the test's; in replay the test's keys count again."""
    text = TEST.replace("recording=True", 'recording=True, auth_keys=["sk-of-the-test"]')
    inner.check(text, "--mockserver-record=once", passed=1)
    client = text.replace('assert ask("hello") ==', 'assert ask("hello", another(**mockserver.client_kwargs)) ==')
    inner.check(client, passed=1)
