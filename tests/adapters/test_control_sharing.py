"""What runners of tests ask of the control API: aliases, parts of rules, whole exchanges, verdicts with what a test says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.controlling import Controlled, controlled

SERVER = "rules: [{name: hi, when: {input: hi}, reply: {text: from the server}}]"


@pytest.fixture
def server() -> Iterator[Controlled]:
    with controlled(SERVER, exhausted="miss") as served:
        yield served


def test_an_alias_means_one_session_after_the_other(server: Controlled) -> None:
    for name in ("a.one", "a.two"):
        server.done("POST", "/sessions", {"name": name, "rules": [{"reply": {"text": f"from {name}"}}]})
        assert server.done("PUT", "/aliases/a", {"session": name}) == {"name": "a", "session": name, "late": 0}
        assert server.ask(session="a") == (200, f"from {name}")
        assert server.done("GET", "/sessions/a")["name"] == name
    assert server.done("GET", "/aliases/a")["session"] == "a.two"
    assert server.done("DELETE", "/aliases/a") == {"ended": "a"}
    assert server.ask(session="a") == (200, "from the server")


def test_an_alias_of_nobody_refuses_and_counts(server: Controlled) -> None:
    """Apart from those of other runs."""
    server.done("PUT", "/aliases/a", {})
    server.done("PUT", "/aliases/b", {})
    assert server.ask(session="a")[0] == 410
    assert server.ask(session="b")[0] == 410
    assert server.done("GET", "/aliases/a")["late"] == 1
    assert server.done("GET", "/aliases/b")["late"] == 2
    told = server.done("POST", "/aliases/a/report", {"alias": "a"})
    assert (told["clean"], told["late"]) == (False, 1)
    assert "a request came to mockserver, and this test does not use it" in told["report"]
    assert server.done("POST", "/aliases/a/report", {"alias": "a", "late": 1})["clean"]
    assert server.done("POST", "/aliases/a/report", {"alias": "a", "allow": ["late"]})["clean"]


def test_an_alias_has_one_owner_while_its_session_is_open(server: Controlled) -> None:
    server.done("POST", "/sessions", {"name": "a.one"})
    server.done("PUT", "/aliases/a", {"session": "a.one", "owner": "me"})
    assert "in use" in server.refused(409, "PUT", "/aliases/a", {"owner": "you"})
    assert server.done("PUT", "/aliases/a", {"session": "a.one", "owner": "me"})["session"] == "a.one"
    server.done("DELETE", "/sessions/a.one")
    server.done("PUT", "/aliases/a", {"owner": "you"})


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/aliases/default", {}, "no alias"),
        ("/aliases/a", {"session": ""}, "session"),
        ("/aliases/a", {"sesion": "x"}, "did you mean `session`?"),
    ],
)
def test_a_wrong_alias_is_told(server: Controlled, path: str, body: Any, message: str) -> None:
    assert message in server.refused(400, "PUT", path, body)


def test_parts_keep_places_names_and_counts(server: Controlled) -> None:
    said = {
        "rule": {"when": {"input": "x"}, "reply": {"text": "said"}},
        "place": "test_it.py:3",
        "key": "test_it.py:3#1",
    }
    file = {"file": "rules/a.mock.yaml", "text": "rules:\n  - {name: a, when: {input: a}, reply: {text: filed}}\n"}
    below = {"file": "below.mock.yaml", "text": "otherwise: {text: below}\n", "below": True}
    server.done("POST", "/sessions", {"name": "s"})
    told = server.done("PUT", "/sessions/s/rules", {"parts": [said, file, below]})
    assert [(each["place"], each["name"]) for each in told["rules"]] == [
        ("test_it.py:3", "test_it.py:3"),
        ("rules/a.mock.yaml:2", "a"),
    ]
    assert [server.ask(text, session="s")[1] for text in ("x", "a", "hi", "?")] == [
        "said",
        "filed",
        "from the server",
        "below",
    ]
    again = {**said, "name": "#2", "rule": {"when": {"input": "x"}, "reply": {"text": "again"}}}
    told = server.done("PUT", "/sessions/s/rules", {"parts": [again, file]})
    assert [each["answered"] for each in told["rules"]] == [1, 1]
    more = {**said, "key": "test_it.py:9#2", "place": "test_it.py:9", "name": "nine"}
    assert len(server.done("POST", "/sessions/s/rules", {"parts": [more]})["rules"]) == 3
    last = {**more, "otherwise": True, "key": "o"}
    server.done("POST", "/sessions/s/rules", {"parts": [last]})
    assert server.ask("x", session="s") == (200, "again")


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ("x", ("", 0, "parts")),
        ([1], ("", 0, "parts[0]")),
        ([{"file": "a.mock.yaml", "text": "rules: [{replly: 1}]"}], ("a.mock.yaml", 1, "rules[0].replly")),
        ([{"rule": {"replly": 1}, "place": "test_it.py:3"}], ("test_it.py:3", 0, "replly")),
        ([{"file": "a.mock.yaml", "text": 1}], ("", 0, "parts[0].text")),
    ],
)
def test_mistakes_in_parts_are_told_where_they_stand(
    server: Controlled, parts: Any, problem: tuple[str, int, str]
) -> None:
    status, told = server.tell("PUT", "/rules", {"parts": parts})
    assert status == 400
    first = told["problems"][0]
    assert (first["file"], first["line"], first["key"]) == problem
    assert server.ask() == (200, "from the server")


def test_keys_and_limits_of_files_are_the_session_s(server: Controlled) -> None:
    text = "auth: {keys: [sk-1]}\nlimits: {requests: 1}\nrules: [{reply: {text: a}}]\n"
    server.done("POST", "/sessions", {"name": "s"})
    server.done("PUT", "/sessions/s/rules", {"parts": [{"file": "k.mock.yaml", "text": text}]})
    assert server.ask(session="s")[0] == 401
    headers = {"authorization": "Bearer sk-1"}
    asked = [
        server.tell("POST", "/s/s/v1/responses", {"model": "m", "input": "x"}, headers, root="")[0] for _ in range(2)
    ]
    assert asked == [200, 429]


def test_the_whole_of_an_exchange(server: Controlled) -> None:
    """Its bytes, what was answered, and which connection it came by; what fails a test is told by kind."""
    server.done(
        "POST", "/sessions", {"name": "s", "keep_answers": True, "rules": [{"reply": {"text": "{{ state.x }}"}}]}
    )
    server.ask("hi", session="s")
    [told] = server.done("GET", "/sessions/s/requests?whole=1")["requests"]
    assert base64.b64decode(told["content"]) == b'{"model": "m", "input": "hi"}'
    assert told["answer"]["status"] == 200
    assert ["content-type", "application/json"] in told["answer"]["headers"]
    assert b'"object":"response"' in base64.b64decode(told["answer"]["body"])
    assert told["received"] > 0
    assert told["link"] != 0
    assert told["note_kinds"] == ["unfilled"]
    [plain] = server.done("GET", "/sessions/s/requests")["requests"]
    assert "answer" not in plain
    server.ask("hi")
    assert server.done("GET", "/requests?session=default&whole=1")["requests"][0]["answer"] is None


def test_a_session_may_hurry_or_not(server: Controlled) -> None:
    for given, instant in ((True, True), (False, False), ("clock", True)):
        made = server.done("POST", "/sessions", {"now": 0, "speed": 1, "hurry": given})
        session = server.engine.sessions.peek(made["name"])
        assert session is not None
        assert session.instant is instant
        session.frozen = None
        assert session.instant is (given is True)
    assert "clock" in server.refused(400, "POST", "/sessions", {"hurry": "fast"})


def test_ids_are_drawn_from_the_origin(server: Controlled) -> None:
    ids = []
    for name in ("one", "two"):
        server.done("POST", "/sessions", {"name": name, "origin": "same", "now": 0})
        ids.append(server.tell("POST", f"/s/{name}/v1/responses", {"model": "m", "input": "hi"}, root="")[1]["id"])
    assert ids[0] == ids[1]


def test_a_testimony_counts(server: Controlled) -> None:
    """What the test wrote has to be used, what it took from files only if it says so; what it has seen is no news."""
    said = {"rule": {"when": {"input": "x"}, "reply": {"text": "said"}}, "place": "test_it.py:3"}
    file = {"file": "a.mock.yaml", "text": "rules: [{name: a, when: {input: a}, reply: {text: filed}}]"}
    server.done("POST", "/sessions", {"name": "s"})
    server.done("PUT", "/sessions/s/rules", {"parts": [said, file]})
    told = server.done("POST", "/sessions/s/report", {"unfinished": ["test_it.py:5"]})
    assert not told["clean"]
    assert "the when() at test_it.py:5 has no reply" in told["report"]
    assert "test_it.py:3 answered nothing" in told["report"]
    assert "a.mock.yaml" not in told["report"]
    assert '@pytest.mark.mockserver(allow=["unused"])' in told["report"]
    server.ask("x", session="s")
    assert server.done("POST", "/sessions/s/report", {})["clean"]
    assert "a.mock.yaml" in server.done("POST", "/sessions/s/report", {"strict": True})["report"]
    server.tell("POST", "/s/s/v1/responses", {"model": "m", "input": "x", "colour": 1}, root="")
    told = server.done("POST", "/sessions/s/report", {"allowing": "say {}"})
    assert (told["clean"], told["judged"]) == (False, 2)
    assert "say violation" in told["report"]
    assert server.done("POST", "/sessions/s/report", {"read": [2]})["clean"]
    assert server.done("POST", "/sessions/s/report", {"after": 2})["clean"]
    assert "did you mean 'miss'" in server.refused(400, "POST", "/sessions/s/report", {"allow": ["mis"]})
    assert "allowing" in server.refused(400, "POST", "/sessions/s/report", {"allowing": "no place"})
