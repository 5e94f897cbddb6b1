"""How clients find the server: variables, fixtures, and whose session a request belongs to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.plugin.conftest import Inner, ini


def test_a_client_made_at_import_time_finds_the_server(inner: Inner) -> None:
    """With no more than the fixture: that is what everybody writes first. And all is as before when the run is over."""
    names = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "NO_PROXY", "no_proxy")
    before = {name: os.environ.get(name) for name in names}
    inner.check(
        """
        import os

        def test(mockserver):
            mockserver.when().reply("ho")
            assert ask() == "ho"
            assert os.environ["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
            assert "127.0.0.1" in os.environ["NO_PROXY"]
        """,
        passed=1,
    )
    assert {name: os.environ.get(name) for name in names} == before


def test_a_client_made_by_a_conftest_finds_the_server_too(inner: Inner) -> None:
    """Conftests are imported before anything else; and what breaks there leaves nothing set."""
    inner.write(
        conftest="",  # it imports the app, as every file here does
        test_it="""
        def test(mockserver):
            mockserver.when().reply("ho")
            assert ask() == "ho"
        """,
    )
    inner.run().assert_outcomes(passed=1)
    inner.write(conftest="1 / 0")
    assert inner.run().ret == pytest.ExitCode.USAGE_ERROR
    assert "OPENAI_BASE_URL" not in os.environ


def test_a_proxy_is_passed_by(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens there."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    inner.check("def test(mockserver):\n    mockserver.when().reply('ho')\n    assert ask() == 'ho'", passed=1)


def test_a_run_in_which_no_test_asks_keeps_its_environment(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed plugin must not turn somebody's tests of the real service against a server of ours."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://real.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "real")
    inner.check(
        """
        import os, threading

        def test():
            assert os.environ["OPENAI_BASE_URL"] == "https://real.example/v1"
            assert os.environ["OPENAI_API_KEY"] == "real"
            assert not [each for each in threading.enumerate() if each.name == "mockserver"]
        """,
        passed=1,
    )


@pytest.mark.parametrize(
    ("mode", "elsewhere"), [("early", "http://127.0.0.1"), ("test", "https://real.example/v1"), ("off", "https://real")]
)
def test_when_the_environment_is_set(inner: Inner, mode: str, elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All the time, during tests that use the server, or never."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://real.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "real")
    ini(inner, f"mockserver_env = {mode}")
    during = "https://real" if mode == "off" else "http://127.0.0.1"
    inner.check(
        f"""
        import os

        assert os.environ["OPENAI_BASE_URL"].startswith({elsewhere!r})

        def test_before():
            assert os.environ["OPENAI_BASE_URL"].startswith({elsewhere!r})

        def test_with(mockserver):
            assert os.environ["OPENAI_BASE_URL"].startswith({during!r})
            mockserver.when().reply("ho")
            assert ask(to=another(**mockserver.client_kwargs)) == "ho"

        def test_after():
            assert os.environ["OPENAI_BASE_URL"].startswith({elsewhere!r})
        """,
        passed=3,
    )


def test_an_unknown_mode_is_told_at_once(inner: Inner) -> None:
    ini(inner, "mockserver_env = erly")
    inner.write(test_it="def test(): pass")
    result = inner.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: mockserver_env: expected early, test or off, got 'erly'; did you mean early[?]"]
    )


def test_each_test_has_a_world_of_its_own(inner: Inner) -> None:
    """Rules, requests and counts of one are not there in the next, whichever way its client came."""
    inner.check(
        """
        @pytest.mark.parametrize("n", [1, 2])
        def test(mockserver, n):
            assert len(mockserver.requests) == 0
            mockserver.when().reply(f"answer {n}", times=1)
            assert ask(to=client if n == 1 else another(**mockserver.client_kwargs)) == f"answer {n}"
        """,
        passed=2,
    )


def test_a_stream_left_over_writes_into_its_own_journal(inner: Inner) -> None:
    """It goes on while the next test runs, and nothing of that shows there."""
    inner.check(
        """
        import threading

        left, read = [], []

        @pytest.mark.mockserver(speed=1)
        def test_first(mockserver):
            mockserver.when().reply("one two three four five six", timing={"first": "50ms", "every": "50ms"})
            stream = client.responses.create(model="gpt-5", input="go", stream=True)
            next(iter(stream))
            left.append(threading.Thread(target=lambda: read.extend(stream)))
            left[0].start()

        def test_second(mockserver):
            mockserver.when().reply("ho")
            ask()
            left[0].join()
            assert read[-1].type == "response.completed"
            assert [request.input_text for request in mockserver.requests] == ["hi"]
            assert mockserver.requests[0].number == 1
        """,
        passed=2,
    )


def test_an_app_that_is_started_once_talks_to_whichever_test_runs(inner: Inner) -> None:
    """By `mockserver_url`, in tests that name neither that nor the server; requests of its start are the first test's."""
    inner.write(
        conftest="""
        @pytest.fixture(scope="session")
        def app(mockserver_url):
            client = another(base_url=mockserver_url, api_key="x")
            client.models.list()
            return client
        """,
        test_it="""
        def test_first(app, mockserver):
            assert [request.path for request in mockserver.requests] == ["/v1/models"]
            mockserver.when().reply("first")
            assert ask(to=app) == "first"

        @pytest.fixture
        def rules(mockserver):
            mockserver.when().reply("second")

        def test_second(app, rules):
            assert ask(to=app) == "second"

        def test_third(app):
            swallow("third", to=app)
        """,
    )
    result = inner.run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*no rule matches POST /v1/responses: there are no rules", '    input: "third"'])


def test_ids_are_the_same_in_every_run(inner: Inner) -> None:
    """They are drawn from the test's own name."""
    inner.write(
        test_it="""
        def test(mockserver):
            mockserver.when().reply("ho")
            print("id", client.responses.create(model="gpt-5", input="hi").id, mockserver.last_request.session)
        """
    )
    ids = [[line for line in inner.run("-s").outlines if "id resp_" in line] for _ in range(2)]
    assert ids[0] == ids[1] != []


def test_a_test_that_runs_again_begins_afresh(inner: Inner) -> None:
    """Plugins that run a test several times get a session for each, and what is left of the first cannot reach the second."""
    inner.write(
        conftest="""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """,
        test_it="""
        names = []

        def test(mockserver):
            names.append(mockserver.session_name)
            assert len(mockserver.requests) == 0
            mockserver.when().reply("ho", times=1)
            assert ask(to=another(**mockserver.client_kwargs)) == "ho"
            assert len(set(names)) == len(names)
        """,
    )
    inner.run().assert_outcomes(passed=2)


def test_the_server_can_be_asked_for_while_a_test_runs(inner: Inner) -> None:
    """By name, too late for anything to be prepared."""
    inner.check(
        """
        def test(request):
            mockserver = request.getfixturevalue("mockserver")
            mockserver.when().reply("ho")
            assert ask(to=another(**mockserver.client_kwargs)) == "ho"

        def test_missing(request):
            mockserver = request.getfixturevalue("mockserver")
            swallow(to=another(**mockserver.client_kwargs))
        """,
        passed=1,
        failed=1,
    )


def test_a_unittest_class_can_use_it(inner: Inner) -> None:
    """By `usefixtures`, with rules from the marker."""
    Path(inner.path, "hi.mock.yaml").write_text("otherwise: {text: ho}\n")
    inner.check(
        """
        import unittest

        @pytest.mark.mockserver("hi.mock.yaml")
        class TestIt(unittest.TestCase):
            def test(self):
                self.assertEqual(ask(), "ho")

            @pytest.mark.mockserver(validate="enforce")
            def test_bad(self):
                swallow(extra_body={"colour": 1})
        """,
        passed=1,
        failed=1,
    )
