"""The typed client of the control API, against `mockserver serve` as a process of its own."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openai
import pytest

from mockserver import __version__
from mockserver.control import Control, ControlError, Session
from mockserver.core.errors import MockServerError
from tests.doors.processes import Served, serving

RULES = """rules:
  - name: greet
    when: {input: {contains: hello}}
    reply: {text: Hello to you., timing: {first: 20s, every: 1s}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "server.mock.yaml").write_text("rules: [{name: server, when: {input: server}, reply: {text: yes}}]\n")
    with serving(str(folder / "server.mock.yaml"), "--log", "off") as process:
        yield process


@pytest.fixture
def control(served: Served) -> Iterator[Control]:
    """A client; the sessions that a test made are ended after it."""
    control = Control(served.url)
    yield control
    for each in control.sessions():
        if each.name != "default":
            control.session(each.name).end()


def say(session: Session, text: str) -> str:
    """Ask with the official client."""
    with openai.OpenAI(base_url=session.base_url, api_key="any", max_retries=0) as client:
        return client.responses.create(model="gpt-5", input=text).output_text


def test_a_whole_test_in_one_session(control: Control) -> None:
    """Created with rules and a frozen clock, asked, looked at, judged, ended."""
    with control.create_session("story", rules=RULES, now="2026-01-31T12:00:00Z") as session:
        assert say(session, "hello there") == "Hello to you."
        [exchange] = session.requests()
        assert (exchange.number, exchange.session, exchange.status, exchange.kind) == (1, "story", 200, "json")
        assert exchange.body == {"model": "gpt-5", "input": "hello there"}
        assert exchange.headers["authorization"] == "Bearer ***"
        assert exchange.ended == "complete"
        assert exchange.time == datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
        assert "greet" in repr(exchange)
        session.assert_clean()
        assert session.report()
    with pytest.raises(openai.APIStatusError) as ended:
        say(session, "hello?")
    assert ended.value.status_code == 410


def test_a_report_that_is_not_clean_fails_with_its_text(control: Control) -> None:
    session = control.create_session(rules=RULES)
    with pytest.raises(openai.NotFoundError):
        say(session, "good bye")
    report = session.report()
    assert not report
    assert "no rule matches POST /v1/responses" in str(report)
    with pytest.raises(AssertionError, match="no rule matches"):
        session.assert_clean(allow=["unused"])
    session.assert_clean(allow=["unused", "miss"])
    session.assert_clean(allow=["miss", "unused"], strict=False)
    session.put_rules([])
    with pytest.raises(AssertionError, match="server"):
        session.assert_clean(allow="miss", strict=True)
    with pytest.raises(ControlError, match="did you mean 'miss'"):
        session.report(allow=["mis"])


def test_rules_as_text_mapping_list_and_file(control: Control, tmp_path: Path) -> None:
    session = control.create_session("blue")
    rule = {"name": "mine", "when": {"input": "hi"}, "reply": {"text": "one"}}
    assert [each.name for each in session.put_rules(RULES)] == ["greet"]
    assert [each.name for each in session.put_rules({"rules": [rule]})] == ["mine"]
    assert [each.name for each in session.add_rules([{**rule, "name": "next"}])] == ["mine", "next"]
    file = tmp_path / "own.mock.yaml"
    file.write_text("\ufeff" + RULES, encoding="utf-8")
    assert [each.place for each in session.put_rules(file)] == ["own.mock.yaml:2"]
    assert control.create_session(rules=file).rules()[0].place == "own.mock.yaml:2"
    assert [(each.name, each.own) for each in session.rules()] == [("greet", True), ("server", False)]
    session.freeze()
    say(session, "hello")
    assert (session.rules()[0].hits, session.rules()[0].answered) == (1, 1)
    session.clear_rules()
    assert [each.own for each in session.rules()] == [False]


def test_mistakes_in_rules_come_as_problems(control: Control) -> None:
    with pytest.raises(ControlError) as refused:
        control.create_session("blue", rules="rules:\n  - replly: {text: a}\n  - reply: {txt: a}\n")
    error = refused.value
    assert (error.status, error.code) == (400, "invalid_rules")
    assert [(each.line, each.column, each.key) for each in error.problems] == [
        (2, 5, "rules[0].replly"),
        (3, 13, "rules[1].reply.txt"),
    ]
    assert "did you mean `reply`?" in str(error)
    assert isinstance(error, MockServerError)
    assert control.sessions() == ()


def test_the_clock(control: Control) -> None:
    """By text, seconds, and the values of `datetime`."""
    session = control.create_session()
    assert not session.clock().frozen
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert session.freeze(moment).now == moment.timestamp()
    assert session.freeze("2026-01-31T12:00:00Z").now == moment.timestamp()
    assert session.advance(60).now == moment.timestamp() + 60
    assert session.advance(timedelta(minutes=2)).now == moment.timestamp() + 180
    assert session.advance(1e-6).now == pytest.approx(moment.timestamp() + 180, abs=1e-3)
    assert session.freeze(1000).now == 1000
    assert session.freeze().frozen
    assert not session.release().frozen
    with pytest.raises(ValueError, match="forward"):
        session.advance(-1)
    with pytest.raises(ControlError, match="freeze it first"):
        session.advance(1)


def test_options_and_what_is_told_of_a_session(control: Control) -> None:
    session = control.create_session(
        "all", seed=5, speed=0, validate="warn", lenient=True, allow_params=["new"], on_miss="auto", exhausted="cycle",
        auth_keys=["sk-1"], journal=3,
    )  # fmt: skip
    info = session.info()
    assert (info.name, info.base_url, info.requests, info.rules) == ("all", session.base_url, 0, 0)
    assert info.options == {
        "seed": 5, "speed": 0.0, "validate": "warn", "lenient": True, "allow_params": ["new"], "on_miss": "auto",
        "exhausted": "cycle", "journal": 3,
    }  # fmt: skip
    assert "sk-1" not in str(info)
    assert [each.name for each in control.sessions()] == ["all"]
    with pytest.raises(ControlError, match="is open"):
        control.create_session("all")
    assert control.create_session("all", afresh=True).info().options["seed"] == 0


def test_the_journal_by_filters_and_page_by_page(control: Control) -> None:
    blue, green = (control.create_session(name, rules=RULES, now=0) for name in ("blue", "green 100%"))
    for session in (blue, green, blue):
        say(session, "hello")
    with pytest.raises(openai.NotFoundError):
        say(green, "good bye")
    before = {"blue", "green 100%"}  # what came late for an earlier test is told too
    assert [(each.session, each.number) for each in control.requests() if each.session in before] == [
        ("blue", 1),
        ("blue", 2),
        ("green 100%", 1),
        ("green 100%", 2),
    ]
    assert [each.number for each in green.requests(misses=True)] == [2]
    assert [each.number for each in green.requests(kind="json", status=200, rule="greet")] == [1]
    page = control.requests()
    say(blue, "hello")
    assert [(each.session, each.number) for each in control.requests(after=page.next)] == [("blue", 3)]
    assert [each.number for each in blue.requests(after=1, limit=1)] == [2]
    assert [each.number for each in blue.requests(limit=1)] == [3]
    blue.reset()
    assert blue.requests() == ()
    with pytest.raises(ControlError, match="there is no kind"):
        control.requests(kind="nonsense")


def test_any_url_of_a_server_will_do(served: Served) -> None:
    bare = served.url.removesuffix("/v1")
    for url in (bare, f"{bare}/", served.url, f"{bare}/s/blue/v1", bare.removeprefix("http://")):
        assert Control(url).url == bare
        assert Control(url).health() == {"status": "ok", "version": __version__, "control": 2}
    assert repr(Control(served.url)) == f"Control('{bare}')"
    assert bare in repr(Control(served.url).session("blue"))
    for nonsense in ("", "ftp://x", "http://"):
        with pytest.raises(ControlError, match=r"http://127\.0\.0\.1:8080"):
            Control(nonsense)


def test_a_server_that_is_not_there_is_told(control: Control) -> None:
    with pytest.raises(ControlError, match=r"no mockserver answers at http://127\.0\.0\.1:9: ") as refused:
        Control("127.0.0.1:9").health()
    assert refused.value.status == 0
    with pytest.raises(ControlError) as unknown:
        control.session("nobody").info()
    assert (unknown.value.status, unknown.value.code) == (404, "unknown_session")


def test_another_kind_of_server_is_told() -> None:
    """Whatever it says, in whatever shape."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 200 if "health" in self.path else 404
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        control = Control(f"127.0.0.1:{server.server_port}")
        for ask in (control.health, control.sessions, control.session("x").report):
            with pytest.raises(ControlError, match="does not look like a mockserver"):
                ask()
        server.shutdown()
        thread.join()


def test_a_proxy_in_the_environment_is_not_used(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert Control(served.url).health()["status"] == "ok"


def test_the_token_is_sent(tmp_path: Path) -> None:
    """Where a server listens beyond this machine, a wrong `Host` needs it."""
    with serving("--host", "0.0.0.0", "--log", "off", cwd=tmp_path, MOCKSERVER_TOKEN="t0ken") as served:
        control = Control(served.url, "t0ken")
        assert control.create_session("blue").info().name == "blue"
        control.server._headers["host"] = "box.lan"
        assert control.session("blue").info().name == "blue"
        stranger = Control(served.url, "wrong")
        stranger.server._headers["host"] = "box.lan"
        with pytest.raises(ControlError, match="Host"):
            stranger.sessions()
