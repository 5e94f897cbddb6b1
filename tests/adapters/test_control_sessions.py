"""Sessions under `/_mock`: created with what was asked for, told of, judged, reset, ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.sessions import MOST_SESSIONS
from tests.adapters.controlling import NOON, YAML, Controlled, controlled

OWN = "rules:\n  - name: own\n    when: {input: hi}\n    reply: {text: from the session}\n"


@pytest.fixture
def server() -> Iterator[Controlled]:
    with controlled("rules: [{name: hi, when: {input: hi}, reply: {text: from the server}}]") as served:
        yield served


@pytest.fixture(scope="module")
def lasting() -> Iterator[Controlled]:
    """One server for many tests that leave nothing behind which another would notice."""
    with controlled() as served:
        yield served


def test_a_session_is_a_world_of_its_own(server: Controlled) -> None:
    """Its rules come before the server's; nobody else sees them or what was asked there."""
    told = server.done("POST", "/sessions", {"name": "blue", "rules": OWN})
    assert told["name"] == "blue"
    assert told["base_url"] == f"{server.url}/s/blue/v1"
    assert server.ask(session="blue") == (200, "from the session")
    assert server.ask() == (200, "from the server")
    assert server.ask("unheard of", session="blue")[0] == 404
    about = server.done("GET", "/sessions/blue")
    assert (about["requests"], about["misses"], about["rules"]) == (2, 1, 1)
    assert [each["name"] for each in server.done("GET", "/sessions")["sessions"]] == ["default", "blue"]


def test_creating_needs_nothing_but_a_content_type(server: Controlled) -> None:
    """Free names are counted, so that the same calls give the same names and the same ids."""
    server.done("POST", "/sessions", {"name": "session-2"})
    assert [server.done("POST", "/sessions")["name"] for _ in range(3)] == ["session-1", "session-3", "session-4"]
    server.done("DELETE", "/sessions/session-4")
    assert server.done("POST", "/sessions", {})["name"] == "session-5"


def test_an_open_name_is_taken_and_put_begins_it_afresh(server: Controlled) -> None:
    """What was there is forgotten only by who says so."""
    server.done("PUT", "/sessions/blue", {"rules": OWN})
    server.ask(session="blue")
    assert "PUT" in server.refused(409, "POST", "/sessions", {"name": "blue"})
    assert server.done("GET", "/sessions/blue")["requests"] == 1
    told = server.done("PUT", "/sessions/blue", {"name": "blue", "speed": 0})
    assert (told["requests"], told["rules"], told["options"]["speed"]) == (0, 0, 0)
    assert "'green'" in server.refused(400, "PUT", "/sessions/blue", {"name": "green"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"speed": 1.0, "validate": "enforce", "exhausted": "repeat", "seed": 0, "journal": 1000}),
        (
            {"seed": -7, "speed": 2, "validate": "off", "lenient": True, "on_miss": "auto", "exhausted": "cycle"},
            {"seed": -7, "speed": 2.0, "validate": "off", "lenient": True, "on_miss": "auto", "exhausted": "cycle"},
        ),
        ({"allow_params": ["b", "a"]}, {"allow_params": ["a", "b"]}),
        ({"allow_params": "a", "journal": 0}, {"allow_params": ["a"], "journal": 0}),
    ],
)
def test_options_are_those_given_over_the_server_s(
    lasting: Controlled, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    told = lasting.done("POST", "/sessions", given)["options"]
    assert told | expected == told


def test_options_count(server: Controlled) -> None:
    """Each changes answers of its session alone."""
    server.done("POST", "/sessions", {"name": "loose", "validate": "off"})
    server.done("POST", "/sessions", {"name": "auto", "on_miss": "auto"})
    server.done("POST", "/sessions", {"name": "locked", "auth_keys": ["sk-1"]})
    replies = "rules: [{replies: [{text: one}, {text: two}]}]"
    server.done("POST", "/sessions", {"name": "cycling", "exhausted": "cycle", "rules": replies})
    assert server.ask(session="loose", temperature="hot")[0] == 200
    assert server.ask(temperature="hot")[0] == 400
    assert server.ask("unheard of", session="auto")[0] == 200
    assert server.ask(session="locked")[0] == 401
    assert [server.ask(session="cycling")[1] for _ in range(3)] == ["one", "two", "one"]


def test_a_session_may_begin_with_a_frozen_clock(server: Controlled) -> None:
    """Then nothing takes time, unless a pace was asked for."""
    frozen = server.done("POST", "/sessions", {"now": "+5m"})
    assert frozen["clock"] == {"now": NOON + 300, "frozen": True}
    session = server.engine.sessions.peek(frozen["name"])
    assert session is not None
    assert session.instant
    paced = server.engine.sessions.peek(server.done("POST", "/sessions", {"now": NOON, "speed": 2})["name"])
    assert paced is not None
    assert not paced.instant


BAD: list[tuple[Any, str, str]] = [
    ({"nmae": "x"}, "nmae", "did you mean `name`"),
    ({"name": "a/b"}, "name", "slash"),
    ({"name": 5}, "name", "got 5"),
    ({"name": ""}, "name", "empty"),
    ({"name": "x" * 201}, "name", "200"),
    ({"speed": -1}, "speed", "factor"),
    ({"speed": "fast"}, "speed", "factor"),
    ({"seed": 2**63}, "seed", "64 bits"),
    ({"seed": True}, "seed", "64 bits"),
    ({"validate": "enforced"}, "validate", "did you mean `enforce`"),
    ({"on_miss": "forward"}, "on_miss", "error, auto"),
    ({"allow_params": [1]}, "allow_params[0]", "text"),
    ({"journal": -1}, "journal", "whole number"),
    ({"now": "soon"}, "now", "2026-01-31T12:00:00Z"),
    ({"now": False}, "now", "2026-01-31T12:00:00Z"),
    ({"file": ""}, "file", "file's name"),
]


@pytest.mark.parametrize(("given", "key", "word"), BAD)
def test_a_senseless_session_is_told_key_by_key(lasting: Controlled, given: Any, key: str, word: str) -> None:
    status, told = lasting.tell("POST", "/sessions", given)
    assert status == 400
    [problem] = told["problems"]
    assert problem["key"] == key
    assert word in f"{problem['message']} {problem['hint']}"
    assert word in told["error"]["message"]


def test_every_mistake_is_told_at_once_and_nothing_begins(server: Controlled) -> None:
    given = {"name": "blue", **{key: value for each, _, _ in BAD for key, value in each.items() if key != "name"}}
    status, told = server.tell("POST", "/sessions", given)
    assert status == 400
    assert len(told["problems"]) == len(given) - 1
    assert server.done("GET", "/sessions")["sessions"] == []
    status, told = server.tell("POST", "/sessions", {"name": "blue", "rules": "rules: [{reply: {txt: a}}]"})
    assert status == 400
    assert server.done("GET", "/sessions")["sessions"] == []


@pytest.mark.parametrize("name", ["%20a", "a%0Ab", ".."])
def test_a_path_cannot_name_a_session_that_nobody_could_reach(lasting: Controlled, name: str) -> None:
    assert "session's name" in lasting.refused(400, "PUT", f"/sessions/{name}", {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["name", "rules", "now", "speed", "seed", "freeze", "advance", "release", "otherwise", "journal"]
)
PLACES = st.sampled_from(
    [("POST", "/sessions"), ("PUT", "/sessions/fuzz"), ("PUT", "/rules"), ("POST", "/rules"), ("POST", "/clock")]
)


@settings(max_examples=100, deadline=None)
@given(PLACES, st.dictionaries(KEYS, JSON, max_size=4) | JSON)
def test_whatever_is_sent_is_taken_or_told(lasting: Controlled, place: tuple[str, str], sent: Any) -> None:
    """Never an error of ours, and the server goes on."""
    status, told = lasting.tell(*place, json.dumps(sent))
    assert status in (200, 201, 400, 409)
    assert status < 300 or told["error"]["message"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "word"),
    [
        ("{", {}, 400, "not JSON"),
        ("[1]", {}, 400, "mapping"),
        ("5", {}, 400, "mapping"),
        ("[" * 500 + "]" * 500, {}, 400, "nested"),
        (b'{"name": "\xff"}', {}, 400, "not JSON"),
        ("name: blue", YAML, 415, "application/json"),
        ("name=blue", {"content-type": "application/x-www-form-urlencoded"}, 415, "application/json"),
        ("{}", {"content-type": "text/plain"}, 415, "application/json"),
    ],
)
def test_a_body_that_is_no_json_object_is_told(
    lasting: Controlled, body: Any, headers: dict[str, str], status: int, word: str
) -> None:
    assert word in lasting.refused(status, "POST", "/sessions", body, headers)


def test_a_body_over_the_bound_is_refused_and_the_server_goes_on(
    server: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.adapters.control.bodies.MOST_BYTES", 1000)
    assert "1000" in server.refused(413, "POST", "/sessions", {"rules": "x" * 1000})
    assert server.done("POST", "/sessions", {})["name"] == "session-1"


@pytest.mark.parametrize("name", ["a b", "tést", "test_x[1-a?b]::y", "100%", "a%2Fb", "x" * 200])
def test_any_printable_name_works_in_every_path(lasting: Controlled, name: str) -> None:
    """Percent-encoded as in any URL."""
    told = lasting.done("POST", "/sessions", {"name": name, "rules": OWN})
    quoted = quote(name, safe="")
    assert told["base_url"] == f"{lasting.url}/s/{quoted}/v1"
    assert lasting.ask(session=quoted) == (200, "from the session")
    assert lasting.done("GET", f"/sessions/{quoted}/requests")["requests"][0]["session"] == name
    assert lasting.done("DELETE", f"/sessions/{quoted}") == {"ended": name}


def test_an_ended_session_is_refused_and_ending_it_again_is_no_mistake(server: Controlled) -> None:
    """410 for requests and for control alike; the name may begin again."""
    server.done("POST", "/sessions", {"name": "blue"})
    for _ in range(2):
        assert server.done("DELETE", "/sessions/blue") == {"ended": "blue"}
    assert server.ask(session="blue")[0] == 410
    assert "has ended" in server.refused(410, "GET", "/sessions/blue")
    assert "has ended" in server.refused(410, "GET", "/sessions/blue/report")
    assert server.done("POST", "/sessions", {"name": "blue"})["requests"] == 0
    assert server.ask(session="blue")[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/rules"),
        ("PUT", "/rules"),
        ("POST", "/rules"),
        ("DELETE", "/rules"),
        ("GET", "/clock"),
        ("POST", "/clock"),
        ("POST", "/reset"),
        ("GET", "/report"),
        ("GET", "/requests"),
    ],
)
def test_an_unknown_session_is_a_404_that_says_how_one_begins(lasting: Controlled, method: str, path: str) -> None:
    """Asking does not make it begin."""
    assert "/s/gr%C3%BCn/v1" in lasting.refused(404, method, f"/sessions/gr%C3%BCn{path}", [])
    assert "grün" not in [each["name"] for each in lasting.done("GET", "/sessions")["sessions"]]


def test_the_default_session_is_always_there_and_cannot_be_ended(server: Controlled) -> None:
    assert server.done("GET", "/sessions/default")["requests"] == 0
    assert "Reset" in server.refused(409, "DELETE", "/sessions/default")
    server.done("PUT", "/sessions/default", {"rules": OWN})
    assert server.ask() == (200, "from the session")


def test_a_session_s_url_means_that_session(server: Controlled) -> None:
    """`/s/NAME/_mock/...` is for it; a name in the path wins."""
    server.done("POST", "/sessions", {"name": "blue"})
    server.done("POST", "/sessions", {"name": "green", "now": 5})
    assert server.tell("POST", "/clock", {"freeze": 9}, root="/s/blue/_mock") == (200, {"now": 9.0, "frozen": True})
    assert server.tell("GET", "/sessions/green/clock", root="/s/blue/_mock")[1] == {"now": 5.0, "frozen": True}
    assert server.done("GET", "/clock") == {"now": NOON, "frozen": False}
    assert server.tell("GET", "/clock", root="/s/red/_mock")[0] == 404


def test_an_alias_means_its_session(server: Controlled) -> None:
    server.done("POST", "/sessions", {"name": "blue", "now": 5})
    server.engine.sessions.alias("current", "blue")
    assert server.done("GET", "/sessions/current/clock") == {"now": 5.0, "frozen": True}


def test_a_reset_forgets_what_happened(server: Controlled) -> None:
    """Counts, journal and state; not rules, options or clock."""
    replies = "rules: [{replies: [{text: one}, {text: two}]}]"
    server.done("POST", "/sessions", {"name": "blue", "rules": replies, "now": 5, "seed": 3})
    assert [server.ask(session="blue")[1] for _ in range(2)] == ["one", "two"]
    told = server.done("POST", "/sessions/blue/reset", {})
    assert (told["requests"], told["rules"], told["clock"]["now"], told["options"]["seed"]) == (0, 1, 5.0, 3)
    assert server.done("GET", "/sessions/blue/requests")["requests"] == []
    assert server.ask(session="blue")[1] == "one"


def test_a_report_is_200_when_clean_and_409_with_its_text_when_not(server: Controlled) -> None:
    server.done("POST", "/sessions", {"name": "blue", "rules": OWN})
    server.ask(session="blue")
    status, text = server.tell("GET", "/sessions/blue/report")
    assert (status, text.splitlines()[0]) == (200, "session 'blue': clean")
    server.ask("unheard of", session="blue")
    status, text = server.tell("GET", "/sessions/blue/report")
    assert (status, text.splitlines()[0]) == (409, "session 'blue': 1 finding")
    assert "no rule matches POST /v1/responses" in text
    assert "?allow=miss" in text
    assert server.tell("GET", "/sessions/blue/report?allow=miss")[0] == 200
    json_told = server.tell("GET", "/sessions/blue/report", headers={"accept": "application/json"})
    assert json_told == (409, {"session": "blue", "clean": False, "report": text.rstrip("\n") + "\n"})
    assert "did you mean 'miss'" in server.refused(400, "GET", "/sessions/blue/report?allow=mis")


def test_a_report_tells_rules_that_nobody_used(server: Controlled) -> None:
    """The session's own; with `strict` the server's too."""
    server.done("POST", "/sessions", {"name": "blue", "rules": OWN})
    assert "own" in server.tell("GET", "/sessions/blue/report")[1]
    assert server.tell("GET", "/sessions/blue/report?allow=unused,miss")[0] == 200
    server.ask(session="blue")
    assert server.tell("GET", "/sessions/blue/report")[0] == 200
    status, text = server.tell("GET", "/sessions/blue/report?strict=1")
    assert status == 409
    assert 'server:1 "hi" answered nothing' in text
    assert server.tell("GET", "/report")[0] == 200


def test_sessions_can_be_created_by_many_at_once(server: Controlled) -> None:
    """Each gets a name of its own, and one name goes to one of them."""
    names: list[str] = []
    statuses: list[int] = []

    def create() -> None:
        names.append(server.done("POST", "/sessions", {"rules": OWN})["name"])
        statuses.append(server.tell("POST", "/sessions", {"name": "one", "rules": OWN})[0])

    threads = [threading.Thread(target=create) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 12
    assert sorted(statuses) == [201] + [409] * 11


def test_what_was_dropped_for_room_is_counted(server: Controlled) -> None:
    for number in range(MOST_SESSIONS + 2):
        server.engine.sessions.begin(f"s{number}")
    told = server.done("GET", "/sessions")
    assert (len(told["sessions"]), told["dropped"]) == (MOST_SESSIONS, 2)
