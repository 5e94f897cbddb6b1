"""Rules under `/_mock`: as text and as JSON, every mistake at its place, swapped while requests go on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.adapters.control.rules import as_text, read
from mockserver.core.rulefiles.yamlsource import read as read_yaml
from tests.adapters.controlling import YAML, Controlled, controlled

ONE = "rules:\n  - name: one\n    when: {input: hi}\n    reply: {text: one}\n"
TWO = [{"name": "two", "when": {"input": "hi"}, "reply": {"text": "two"}}]


@pytest.fixture(scope="module")
def lasting() -> Iterator[Controlled]:
    with controlled("rules: [{name: hi, when: {input: hi}, reply: {text: server}}]") as served:
        yield served


@pytest.fixture
def server(lasting: Controlled) -> Controlled:
    """A server whose session `s` has just begun."""
    lasting.done("PUT", "/sessions/s")
    return lasting


RULES = "/sessions/s/rules"


def own(told: Any) -> list[str]:
    return [each["name"] for each in told["rules"] if each["own"]]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ONE, YAML),
        (ONE, {"content-type": "text/yaml; charset=utf-8"}),
        (b"\xef\xbb\xbf" + ONE.encode(), {"content-type": "application/x-yaml"}),
        (json.dumps(ONE), {}),
        ({"rules": [{"name": "one", "when": {"input": "hi"}, "reply": {"text": "one"}}]}, {}),
        ([{"name": "one", "when": {"input": "hi"}, "reply": {"text": "one"}}], {"content-type": "Application/JSON"}),
        (
            {
                "otherwise": {"text": "one"},
                "rules": [{"name": "one", "when": {"input": "hi"}, "reply": {"text": "one"}}],
            },
            {},
        ),
    ],
)
def test_rules_are_taken_as_text_and_as_json(server: Controlled, body: Any, headers: dict[str, str]) -> None:
    """A YAML rule file, the same as JSON, a list of rules, a JSON string with the text."""
    told = server.done("PUT", RULES, body, headers)
    assert own(told)[0] == "one"
    assert told["problems"] == []
    assert server.ask(session="s") == (200, "one")


def test_put_replaces_post_adds_delete_takes_away(server: Controlled) -> None:
    assert own(server.done("PUT", RULES, ONE, YAML)) == ["one"]
    assert own(server.done("POST", RULES, TWO)) == ["one", "two"]
    assert server.ask(session="s")[1] == "one"
    assert own(server.done("PUT", RULES, TWO)) == ["two"]
    assert server.ask(session="s")[1] == "two"
    assert server.done("DELETE", RULES) == {"rules": []}
    assert server.ask(session="s")[1] == "server"


def test_all_that_can_answer_is_told_in_order_with_its_counts(server: Controlled) -> None:
    server.done("PUT", RULES, ONE, YAML)
    server.ask(session="s")
    server.ask("unheard of", session="s")
    told = server.done("GET", RULES)["rules"]
    assert [(each["name"], each["own"], each["hits"], each["answered"]) for each in told] == [
        ("one", True, 1, 1),
        ("hi", False, 0, 0),
    ]
    assert told[0]["place"] == "rules:2"


def test_the_default_session_has_a_short_path(server: Controlled) -> None:
    server.done("PUT", "/rules", ONE, YAML)
    assert server.ask() == (200, "one")
    assert own(server.done("GET", "/sessions/default/rules")) == ["one"]
    server.done("DELETE", "/rules")
    assert server.ask() == (200, "server")


def test_counts_never_pass_from_one_rule_to_another(server: Controlled) -> None:
    """Rules without a file's name are called anew each time; under a file's name they keep their counts."""
    once = "rules: [{replies: [{text: first}, {text: second}]}]"
    for _ in range(2):
        server.done("PUT", RULES, once, YAML)
        assert server.ask(session="s")[1] == "first"
    server.done("PUT", f"{RULES}?file=a.mock.yaml", once, YAML)
    assert server.ask(session="s")[1] == "first"
    told = server.done("PUT", f"{RULES}?file=a.mock.yaml", once, YAML)
    assert told["rules"][0]["place"] == "a.mock.yaml:1"
    assert server.ask(session="s")[1] == "second"


def test_a_rule_that_is_there_already_is_told(server: Controlled) -> None:
    """Two that count as one would each get half of the answers."""
    server.done("POST", f"{RULES}?file=a", ONE, YAML)
    assert 'a:2 "one"' in server.refused(400, "POST", f"{RULES}?file=a", ONE, YAML)
    assert own(server.done("POST", f"{RULES}?file=b", ONE, YAML)) == ["one", "one"]


def test_a_later_otherwise_takes_the_place_of_an_earlier(server: Controlled) -> None:
    server.done("POST", RULES, {"otherwise": {"text": "first"}})
    server.done("POST", RULES, {"otherwise": {"text": "second"}})
    server.done("POST", RULES, TWO)
    assert server.ask("unheard of", session="s")[1] == "second"
    assert own(server.done("GET", RULES)) == ["two", "otherwise"]


def test_limits_come_and_go_with_the_rules(server: Controlled) -> None:
    """They count for the session alone."""
    server.done("PUT", RULES, {"rules": TWO, "limits": {"requests": 1}})
    assert [server.ask(session="s")[0] for _ in range(2)] == [200, 429]
    assert server.ask()[0] == 200
    server.done("DELETE", RULES)
    assert server.ask(session="s")[0] == 200


MISTAKES = """rules:
  - nmae: x
    reply: {txt: a}
  - when: {input: {contians: b}}
    reply: {text: b, timing: {every: 5}}
"""


def test_every_mistake_is_told_at_its_place(server: Controlled) -> None:
    """Line, column, key, message and hint; what was there stays."""
    server.done("PUT", RULES, ONE, YAML)
    for method in ("PUT", "POST"):
        status, told = server.tell(method, f"{RULES}?file=my.yaml", MISTAKES, YAML)
        assert (status, told["error"]["code"]) == (400, "invalid_rules")
        places = [(each["file"], each["line"], each["column"], each["key"]) for each in told["problems"]]
        assert places == [
            ("my.yaml", 2, 5, "rules[0].nmae"),
            ("my.yaml", 3, 13, "rules[0].reply.txt"),
            ("my.yaml", 4, 20, "rules[1].when.input.contians"),
            ("my.yaml", 5, 31, "rules[1].reply.timing.every"),
        ]
        assert told["problems"][0]["hint"] == "did you mean `name`?"
        for each in told["problems"]:
            assert each["severity"] == "error"
            assert each["message"] in told["error"]["message"]
    assert own(server.done("GET", RULES)) == ["one"]


def test_in_json_the_line_is_the_number_of_the_rule(server: Controlled) -> None:
    status, told = server.tell("PUT", RULES, [{"reply": {"text": "a\nb"}}, {"reply": {"txt": "a"}}, 5])
    assert status == 400
    assert [(each["line"], each["column"], each["key"]) for each in told["problems"]] == [
        (2, 0, "rules[1].reply.txt"),
        (3, 0, "rules[2]"),
    ]
    told = server.done("PUT", f"{RULES}?file=mine", [{"reply": {"text": "a"}}, {"reply": {"text": "b"}}])
    assert [each["place"] for each in told["rules"]] == ["mine:1", "mine:2"]


@pytest.mark.parametrize(
    ("body", "headers", "word"),
    [
        ("rules: [", YAML, "rules:1:"),
        ("", YAML, "empty"),
        ("", {}, "the file is empty"),
        (b"rules: \xff", YAML, "UTF-8"),
        ("null", {}, "the file is empty"),
        ("5", {}, "expected a rule file"),
        ({"rules": TWO, "include": "../secret.mock.yaml"}, {}, "includes no others"),
        ("include: a.mock.yaml\nrules: []\n", YAML, "rules:1:1"),
        ({"rules": TWO, "auth": {"keys": ["k"]}}, {}, "auth_keys"),
        ("{", {}, "not JSON"),
    ],
)
def test_what_is_no_rule_file_is_told(server: Controlled, body: Any, headers: dict[str, str], word: str) -> None:
    assert word in server.refused(400, "PUT", RULES, body, headers)


def test_no_rules_are_rules_too(server: Controlled) -> None:
    assert server.done("PUT", RULES, []) == {"rules": [], "problems": []}


def test_a_file_s_name_is_one_line(server: Controlled) -> None:
    for name in ("", "a%0Ab", "x" * 201, "%20a"):
        assert "file's name" in server.refused(400, "PUT", f"{RULES}?file={name}", ONE, YAML)


def test_a_session_that_ends_while_rules_are_read_is_told(server: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read in a thread; the session of that name may be another by then."""

    def slowly(sent: Any, label: str) -> Any:
        server.engine.sessions.begin("s")
        return read(sent, label)

    monkeypatch.setattr("mockserver.adapters.control.rules.read", slowly)
    assert "meanwhile" in server.refused(409, "PUT", RULES, ONE, YAML)
    assert own(server.done("GET", RULES)) == []


def test_rules_are_swapped_while_requests_go_on(server: Controlled) -> None:
    """Each request is answered by one whole set or the other."""
    found: set[tuple[int, str]] = set()

    def ask() -> None:
        for _ in range(40):
            found.add(server.ask(session="s"))

    server.done("PUT", RULES, ONE, YAML)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        server.done("PUT", RULES, TWO if number % 2 else ONE, {} if number % 2 else YAML)
    for thread in threads:
        thread.join()
    assert found <= {(200, "one"), (200, "two")}
    assert server.done("GET", "/sessions/s")["requests"] == 160


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(JSON, max_size=4), st.dictionaries(st.text(max_size=5), JSON, max_size=2))
def test_any_json_reads_as_the_same_rule_file(rules: list[Any], rest: dict[str, Any]) -> None:
    """Nothing is lost between JSON and YAML, and each rule stands on the line of its number."""
    document = {**rest, "rules": rules}
    source = read_yaml(as_text(document))
    assert source.value == document
    assert [source.place(("rules", index))[0] for index in range(len(rules))] == list(range(1, len(rules) + 1))
