"""Which request a recording answers, in which order alike ones do, and what a miss says."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from mockserver.core.messages import Request
from mockserver.core.recordings.customs import Customs, Match, Redact
from mockserver.core.recordings.remedies import line, remedy
from mockserver.core.recordings.secrets.redactor import Redactor
from mockserver.core.rules.hiding import hidden
from tests.core.recorded import NOW, ask, engine, read, whole


def rules(*requests: Any, top: str = "", **more: Any) -> str:
    """Return a file of recordings of these requests, named and answering by number."""
    listing = [
        {"name": f"r {number}", "request": given, "reply": f"answer {number}", **more}
        for number, given in enumerate(requests, 1)
    ]
    return f"{top}rules: {orjson.dumps(listing).decode()}"


HI = {"model": "gpt-5", "input": "Hi"}


def answered(made: Any, body: Any, **more: Any) -> str:
    """Return which rule answers, "miss" for none."""
    play = ask(made, body, **more)
    return str(play.exchange.rule or play.exchange.kind)


# --- what is compared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HI, "r 1"),
        ({**HI, "stream": False}, "r 1"),
        ({**HI, "stream": None}, "r 1"),
        ({**HI, "stream": True}, "miss"),
        ({**HI, "temperature": 1}, "miss"),
        ({**HI, "input": None}, "rejection"),
        ({**HI, "input": "hi"}, "miss"),
    ],
)
def test_the_whole_body_counts(body: Any, expected: str) -> None:
    """Absent and null are false for `stream`, and nowhere else."""
    assert answered(engine(rules({"body": HI})), body) == expected


def test_key_order_and_the_spelling_of_numbers_do_not_count() -> None:
    """The body is compared as JSON."""
    made = engine(rules({"body": {**HI, "temperature": 1.0}}))
    assert answered(made, b'{"temperature": 1, "input": "Hi",\n "model": "gpt-5"}') == "r 1"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"method": "GET", "path": "/v1/models", "query": {"limit": "2"}}, "r 1"),
        ({"method": "GET", "path": "/v1/models"}, "builtin"),
        ({"method": "GET", "path": "/v1/models", "query": {"limit": "2", "after": "x"}}, "builtin"),
    ],
)
def test_method_path_and_the_whole_query_count(sent: Any, expected: str) -> None:
    """A recording without a body answers requests without one."""
    made = engine(rules({"method": "GET", "path": "/v1/models", "query": {"limit": "2"}}))
    assert answered(made, b"", **sent) == expected


@pytest.mark.parametrize(
    ("request_", "body", "expected"),
    [
        ({"text": "not json"}, b"not json", "r 1"),
        ({"text": "not json"}, b"not json ", "miss"),
        ({"base64": "/wA="}, b"\xff\x00", "r 1"),
        ({"base64": "/wA="}, b"\xff", "miss"),
        ({"text": '{"model":"a","model":"b"}'}, b'{"model":"b"}', "r 1"),
        ({"text": '{"a":"\\ud800"}'}, b'{"a":"\\ud800"}', "r 1"),
    ],
)
def test_a_body_that_is_no_json_counts_byte_by_byte(request_: Any, body: bytes, expected: str) -> None:
    """And text that is JSON after all counts as JSON does."""
    made = engine(rules({"path": "/v1/files", **request_}))
    assert answered(made, body, path="/v1/files") == expected


def test_each_client_draws_its_own_boundary() -> None:
    """Parts are compared, not what lies between."""

    def body(boundary: str, text: str = "hello") -> bytes:
        return f'--{boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n{text}\r\n--{boundary}--\r\n'.encode()

    made = engine(rules({"path": "/v1/files", "text": body("abc123").decode()}), exhausted="repeat")
    assert answered(made, body("zzz"), path="/v1/files") == "r 1"
    assert answered(made, body("zzz", "other"), path="/v1/files") == "miss"
    assert answered(made, b"--zzz\r\nno end", path="/v1/files") == "miss"


def test_what_may_differ_does() -> None:
    """`ignore` and `mask` of the file and of its folder together; an object that only held ignored fields may be missing."""
    body = {**HI, "instructions": "Today is 2026-01-31.", "metadata": {"run_id": "a"}, "user": "u1"}
    customs = Customs(Match(ignore=("$.user",)))
    text = rules({"body": body}, top="match: {ignore: [$.metadata.run_id], mask: [date]}\n")
    made = engine(text, customs=customs, exhausted="repeat")
    other = {**body, "instructions": "Today is 2026-02-01.", "metadata": {"run_id": "b"}, "user": "u2"}
    assert answered(made, other) == "r 1"
    del other["metadata"], other["user"]
    assert answered(made, other) == "r 1"
    assert answered(made, {**other, "metadata": {"case": "x"}}) == "miss"
    assert answered(made, {**other, "instructions": "Today is Monday."}) == "miss"


def test_a_rule_may_ask_for_more() -> None:
    """`when` stands beside `request`."""
    text = rules({"body": HI}, {"body": HI}, when={"headers": {"x-case": "a"}}).replace('"a"', '"b"', 1)
    made = engine(text)
    assert answered(made, HI, headers={"x-case": "a"}) == "r 2"
    assert answered(made, HI, headers={"x-case": "b"}) == "r 1"
    assert answered(made, HI) == "miss"


def test_a_secret_in_the_request_is_taken_out_before_it_is_compared() -> None:
    """What was redacted when it was recorded is redacted when it is compared."""
    customs = Customs(redact=Redact(fields=("$.user", "query.who")))
    asked = {**HI, "user": "somebody", "metadata": {"key": "sk-proj-" + "a1B2c3D4e5F6g7H8" * 3}}
    cleaned = Redactor(customs).body(asked)
    assert "sk-proj" not in str(cleaned)
    made = engine(rules({"query": {"who": "<redacted:field>"}, "body": cleaned}), customs=customs, exhausted="repeat")
    assert answered(made, asked, query={"who": "me"}) == "r 1"
    assert answered(made, {**asked, "user": "somebody else"}, query={"who": "you"}) == "r 1"
    assert answered(made, {**asked, "input": "Bye"}, query={"who": "me"}) == "miss"
    assert answered(made, asked) == "miss"


def test_a_secret_in_the_path_is_taken_out_before_it_is_compared() -> None:
    made = engine(rules({"method": "GET", "path": "/v1/things/<redacted:api_key>"}), exhausted="repeat")
    assert answered(made, b"", path="/v1/things/sk-proj-" + "a1B2c3D4e5F6g7H8" * 3, method="GET") == "r 1"
    assert answered(made, b"", path="/v1/things/none", method="GET") == "miss"


@pytest.mark.parametrize("validate", ["enforce", "warn"])
def test_a_recorded_request_is_not_judged_again(validate: Any) -> None:
    """The API has taken it, or refused it with the recorded error."""
    strange = {**HI, "brand_new": 1}
    made = engine(rules({"body": strange}, {"text": "no json at all"}), validate=validate)
    play = ask(made, strange)
    assert (play.exchange.rule, play.exchange.violations) == ("r 1", ())
    assert answered(made, b"no json at all") == "r 2"
    assert ask(made, {**HI, "other_new": 1}).exchange.status == (400 if validate == "enforce" else 404)


# --- order ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exhausted", "expected"),
    [
        ("miss", ["r 1", "r 3", "r 4", "miss", "miss"]),
        ("repeat", ["r 1", "r 3", "r 4", "r 4", "r 4"]),
        ("cycle", ["r 1", "r 3", "r 4", "r 1", "r 3"]),
    ],
)
def test_alike_requests_are_answered_in_the_order_of_the_file(exhausted: Any, expected: list[str]) -> None:
    """Each once; others have an order of their own."""
    other = {"body": {**HI, "input": "Bye"}}
    made = engine(rules({"body": HI}, other, {"body": HI}, {"body": HI}), exhausted=exhausted)
    assert [answered(made, HI) for _ in range(5)] == expected
    assert answered(made, {**HI, "input": "Bye"}) == "r 2"


def test_a_file_says_itself_what_follows_the_last() -> None:
    """`exhausted` of the rules counts before the server's."""
    made = engine(rules({"body": HI}, {"body": HI}, exhausted="repeat"), exhausted="miss")
    assert [answered(made, HI) for _ in range(3)] == ["r 1", "r 2", "r 2"]
    assert [answered(engine(rules({"body": HI}, exhausted="cycle")), HI)] == ["r 1"]


def test_each_rule_is_counted_for_itself() -> None:
    """What a test is told of a rule is how often that one answered."""
    made = engine(rules({"body": HI}, {"body": HI}))
    state = made.sessions.find("default").state
    for expected in ([1, 0], [1, 1], [1, 1]):
        ask(made, HI)
        assert [state.used(rule) for rule in made.book.rules] == expected


def test_turns_are_counted_across_files_of_one_set() -> None:
    """A series is what no request can tell apart, wherever it stands."""
    from mockserver.core.rules.book import RuleBook

    one, other = read(rules({"body": HI})), read(rules({"body": HI}).replace("r 1", "other 1"))
    made = engine("rules: [{reply: x}]")
    made.book = RuleBook([*one.rules, *other.rules])
    assert [answered(made, HI) for _ in range(3)] == ["r 1", "other 1", "miss"]


def test_taking_turns_hides_nothing() -> None:
    """Recordings of one request are not reported as rules that never answer; those behind a catch-all are."""
    file = read(rules({"body": HI}, {"body": HI}, exhausted="repeat"))
    assert list(hidden(file.rules)) == []
    catch_all = read("rules: [{name: all, reply: x}]").rules
    assert [found.rule.name for found in hidden([*catch_all, *file.rules])] == ["r 1", "r 2"]


def test_a_tool_loop_replays_in_order() -> None:
    """Each request differs from the last by what was added, though the user said one thing."""
    first = [{"role": "user", "content": "Hi"}]
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    second = [*first, call, {"type": "function_call_output", "call_id": "call_1", "output": "1"}]
    made = engine(rules({"body": {"model": "m", "input": second}}, {"body": {"model": "m", "input": first}}))
    assert answered(made, {"model": "m", "input": first}) == "r 2"
    assert answered(made, {"model": "m", "input": second}) == "r 1"


def test_a_thousand_recordings_cost_one_look_up() -> None:
    """The body is read once however many there are."""
    big = [{"role": "user", "content": f"word {number} " * 20} for number in range(50)]
    few = engine(
        rules(*({"body": {"model": "m", "input": [*big, {"role": "user", "content": str(n)}]}} for n in range(2)))
    )
    many = engine(
        rules(*({"body": {"model": "m", "input": [*big, {"role": "user", "content": str(n)}]}} for n in range(1000)))
    )
    wanted = orjson.dumps({"model": "m", "input": [*big, {"role": "user", "content": "1"}]})

    def cost(made: Any) -> float:
        best = 1.0
        for _ in range(20):
            request = Request("POST", "/v1/responses", body=wanted)
            begun = time.perf_counter()
            [found] = made.book.candidates(request)
            best = min(best, time.perf_counter() - begun)
            assert found.name == "r 2"
        return best

    assert cost(many) < 3 * cost(few)


# --- misses ---------------------------------------------------------------------------------------------------------


def missed(made: Any, body: Any) -> str:
    play = ask(made, body)
    assert play.exchange.kind == "miss"
    return play.exchange.miss


def test_a_miss_names_the_nearest_recording_and_what_differs() -> None:
    """Field by field."""
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    made = engine(rules({"body": {**HI, "input": "Bye"}}, {"body": {**HI, "tools": tools, "temperature": 1}}))
    told = missed(made, {**HI, "tools": tools, "temperature": 0.5, "top_p": 1})
    assert 'nearest recording: r.mock.yaml:1 "r 2"' in told
    assert "fails    request.body.$.temperature: expected 1, found 0.5" in told
    assert "fails    request.body.$.top_p: expected nothing, found 1" in told
    assert "fix: if this request is new, record it" in told
    play = ask(made, {**HI, "tools": tools, "temperature": 0.5})
    assert b"Nearest recording: r.mock.yaml:1" in whole(play.timeline)


def test_the_nearest_of_many_is_found() -> None:
    """Not only among the first ones."""
    made = engine(
        rules(*({"body": {"model": "m", "input": f"question number {n} about topic {n * 7}"}} for n in range(300)))
    )
    told = missed(made, {"model": "m", "input": "question number 250 about topic 1750!"})
    assert 'nearest recording: r.mock.yaml:1 "r 251"' in told


MODELS: Any = {"method": "GET", "path": "/v1/models"}
FETCHED: Any = {"method": "GET", "path": "/v1/responses/resp_1", "query": {"limit": "1"}}


def test_a_miss_of_another_endpoint_tells_as_much() -> None:
    """To the client too: played, or the nearest and what differs; no answer of our own follows a played recording."""
    made = engine(rules(FETCHED, MODELS))

    def told(path: str, **more: Any) -> str:
        play = ask(made, b"", path, method="GET", **more)
        assert (play.exchange.kind, play.exchange.status) == ("miss", 404)
        error = orjson.loads(whole(play.timeline))["error"]
        assert error["code"] == "no_matching_rule"
        return str(error["message"])

    for each in (FETCHED, MODELS):
        assert ask(made, b"", each["path"], method="GET", query=each.get("query", {})).exchange.kind != "miss"
        assert "was already played (1 of 1)" in told(each["path"], query=each.get("query", {}))
    assert 'request.query.limit: expected "1", found "2"' in told(FETCHED["path"], query={"limit": "2"})


def test_without_recordings_of_it_an_endpoint_of_ours_answers() -> None:
    """And where nothing was recorded of a path that we don't know, it is told so."""
    made = engine(rules({"body": HI}))
    assert ask(made, b"", "/v1/models", method="GET").exchange.kind == "builtin"
    unknown = ask(made, b"", "/v1/nowhere", method="GET")
    assert b"Invalid URL (GET /v1/nowhere)" in whole(unknown.timeline)


def test_a_miss_says_that_a_recording_was_played() -> None:
    """It is told from one that does not match."""
    made = engine(rules({"body": HI}, {"body": HI}))
    assert [answered(made, HI) for _ in range(2)] == ["r 1", "r 2"]
    told = missed(made, HI)
    assert told.startswith(
        "No rule matches POST /v1/responses: the recording that would answer was already played (2 of 2)\n"
    )
    assert "fix: record it as often as it is asked, or replay with `exhausted: repeat`" in told
    single = engine(rules({"body": HI}))
    ask(single, HI)
    assert "already played (1 of 1)" in missed(single, HI)


@pytest.mark.parametrize(
    ("top", "change", "advice"),
    [
        ("", {"instructions": "Today is 2026-02-01."}, "in r.mock.yaml add `match: {mask: [date]}` at the top"),
        (
            "match: {ignore: [$.user]}\n",
            {"instructions": "Today is 2026-02-01.", "metadata": {"run_id": "2", "case": "x"}},
            "in r.mock.yaml change its `match` to `match: {ignore: [$.user, $.metadata.run_id], mask: [date]}`",
        ),
        (
            "",
            {"metadata": {"run_id": "2", "case": "x"}},
            "in r.mock.yaml add `match: {ignore: [$.metadata.run_id]}` at the top",
        ),
        ("", {"stream": True}, "in r.mock.yaml add `match: {either_encoding: true}` at the top"),
        (
            "",
            {"stream": True, "stream_options": {"include_obfuscation": False}, "instructions": "Today is 2026-02-01."},
            "in r.mock.yaml add `match: {mask: [date], either_encoding: true}` at the top",
        ),
        ("", {"instructions": "Tomorrow."}, ""),
        ("", {"instructions": "Today is 2026-02-01.", "temperature": 0}, ""),
    ],
)  # fmt: skip
def test_a_miss_by_what_is_volatile_says_what_to_write(top: str, change: Any, advice: str) -> None:
    """The very line, the file it goes into, and only where that explains all differences; and then it answers."""
    body = {**HI, "instructions": "Today is 2026-01-31.", "metadata": {"run_id": "1", "case": "x"}}
    text = rules({"body": body}, top=top)
    told = missed(engine(text), {**body, **change})
    assert (f"fix: if that may differ: {advice}" in told) is bool(advice)
    if advice:
        written = next(part for part in advice.split("`") if part.startswith("match:"))
        made = engine(rules({"body": body}, top=written + "\n"))
        assert answered(made, {**body, **change}) == "r 1"
        assert (
            advice.encode()
            in orjson.loads(whole(ask(engine(text), {**body, **change}).timeline))["error"]["message"].encode()
        )


@pytest.mark.parametrize(
    ("expected", "found", "remedied"),
    [
        ({"a": "at 10:00"}, {"a": "at 11:30"}, "match: {mask: [time]}"),
        ({"a": "2026-01-01T10:00:00Z"}, {"a": "2026-01-02T11:00:00Z"}, "match: {mask: [date, time]}"),
        ({"a": "now"}, {"a": "2026-01-02"}, None),
        ({"a": "/tmp/x/a on 127.0.0.1:80"}, {"a": "/tmp/x/b on 127.0.0.1:81"}, "match: {mask: [path, port]}"),
        ({"items": [{"id": 1}, {"id": 2}]}, {"items": [{"id": 3}, {"id": 4}]}, 'match: {ignore: ["$.items[*].id"]}'),
        ({"user": "a"}, {}, "match: {ignore: [$.user]}"),
        ({"previous_response_id": "a"}, {"previous_response_id": "b"}, None),
        ({"input": [{"call_id": "a"}]}, {"input": [{"call_id": "b"}]}, None),
        ({"model": "a"}, {"model": "b"}, None),
        ({}, {}, None),
    ],
)  # fmt: skip
def test_only_what_changes_from_run_to_run_is_let_pass(expected: Any, found: Any, remedied: str | None) -> None:
    """Never what says what is asked."""
    match = remedy(expected, found)
    assert (None if match is None else line(match)) == remedied


# --- what may stand there -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        (
            {"request": {"body": {}, "text": "x"}, "reply": "x"},
            ["rules[0].request.text: a body is written in one way; found body and text"],
        ),
        (
            {"request": {"method": "get", "path": "v1", "query": {"a": 1}, "base64": "?"}, "reply": "x"},
            [
                "rules[0].request.method: expected an HTTP method in capitals, got `get`",
                "rules[0].request.path: expected a path that starts with /, got `v1` (the query goes under `query`)",
                "rules[0].request.query.a: expected text, got `1` (quote it)",
                "rules[0].request.base64: not base64: Only base64 data is allowed",
            ],
        ),
        (
            {"request": {}, "replies": ["x"]},
            [
                "rules[0].replies: `request` goes with `reply`, not with `replies`"
                " (each recording answers once, in order)"
            ],
        ),
        (
            {"reply": "x", "exact": "a.sse"},
            ["rules[0].exact: `exact` goes with `request`: only recordings have exact bytes"],
        ),
        (
            {"request": {}, "reply": "x", "recorded": {"end": "gone", "at": "soon", "first": 3}},
            [
                "rules[0].recorded.end: expected one of complete, partial, cut, reset, timeout, unreachable; got `gone`",
                "rules[0].recorded.at: expected a time such as 2026-01-31T12:00:00Z, got `soon`",
                "rules[0].recorded.first: a time needs a unit; did you mean `3ms`?",
            ],
        ),
        (
            {"request": {"ignore": "$.a"}, "reply": "x"},
            ["rules[0].request.ignore: unknown key `ignore` in `request` (`ignore` belongs inside `match`, at the file's top)"],
        ),
    ],
)  # fmt: skip
def test_mistakes_in_a_recording_are_told(rule: Any, problems: list[str]) -> None:
    """Every one, with its place."""
    found = read(orjson.dumps({"rules": [rule]}).decode()).problems
    assert sorted(str(each).split(": ", 1)[1] for each in found) == sorted(problems)


def test_what_was_noted_is_there_to_be_asked_for() -> None:
    """What other tools of the house go by."""
    noted = {
        "at": "2023-11-14T22:13:20Z", "upstream": "https://api.openai.com/v1", "model": "gpt-5-2025-08-07",
        "first": "120.5ms", "duration": "1.5s", "end": "partial", "why": "it left", "someday": True,
    }  # fmt: skip
    [recording] = read(rules({"body": HI}, recorded=noted), customs=Customs(max_age=90)).recordings
    assert (recording.name, recording.place, recording.max_age) == ("r 1", "r.mock.yaml:1", 90)
    assert recording.sent.body == orjson.dumps(HI)
    assert recording.recorded.at == NOW
    assert (recording.recorded.first, recording.recorded.duration) == (120.5, 1500.0)
    assert (recording.recorded.end, recording.recorded.why) == ("partial", "it left")
    assert recording.reply == "answer 1"
