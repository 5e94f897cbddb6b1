"""What is sent again: in which order, with which ids, and what never is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.drift.resends import Ids, Resend, ids_of, resend_of, strands, unsendable
from mockserver.core.rulefiles.rulefile import parse

RESPONSE = {
    "object": "response",
    "id": "resp_one_old",
    "conversation": {"id": "conv_one_old"},
    "output": [
        {"type": "reasoning", "id": "rs_one_old"},
        {"type": "function_call", "id": "fc_one_old", "call_id": "call_1"},
        {"type": "function_call", "id": "fc_two_old", "call_id": "call_2"},
    ],
}


def capture(asked: Any = None, answered: Any = None, *, method: str = "POST", path: str = "/v1/responses") -> Capture:
    body = b"" if asked is None else orjson.dumps(asked)
    return Capture(method, path, 200, (), (Piece(1.0, orjson.dumps(answered)),), request_body=body)


def renewed(text: Any, old: str, new: str) -> Any:
    return orjson.loads(orjson.dumps(text).replace(old.encode(), new.encode()))


def learnt() -> Ids:
    """Ids whose `old` ones are `new` now."""
    ids = Ids()
    ids.learn(Resend("a 1", "a", 1, capture(answered=RESPONSE)), capture(answered=renewed(RESPONSE, "old", "new")))
    return ids


def test_ids_are_told_apart_by_what_they_stand_for() -> None:
    found = ids_of(capture(answered=RESPONSE))
    assert found["response", 0] == "resp_one_old"
    assert found["function_call id", 1] == "fc_two_old"
    assert found["function_call call_id", 1] == "call_2"
    assert ids_of(capture(answered={"object": "model", "id": "gpt-5-mini"})) == {}
    assert ids_of(capture(answered=[])) == {}
    assert ids_of(Capture("GET", "/v1/models", 200, (), (Piece(0.0, b"no json"),))) == {}


def test_whole_strings_are_exchanged_and_nothing_else() -> None:
    """The body is otherwise sent to the letter."""
    body = (
        b'{ "previous_response_id":"resp_one_old" , "input":[{"type":"item_reference","id":"fc_one_old"},'
        b'"say resp_one_old", "\\"resp_one_old\\"", 1.50] }'
    )
    asked = Capture("POST", "/v1/responses/resp_one_old/x", 200, (), query={"after": "fc_two_old"}, request_body=body)
    made = learnt().renewed(asked)
    assert isinstance(made, Capture)
    assert made.request_body == body.replace(b'"resp_one_old" ', b'"resp_one_new" ').replace(
        b"fc_one_old", b"fc_one_new"
    )
    assert made.path == "/v1/responses/resp_one_new/x"
    assert made.query == {"after": "fc_two_new"}


def test_sealed_reasoning_keeps_the_ids_it_was_made_with() -> None:
    item = {"type": "reasoning", "id": "rs_one_old", "encrypted_content": "x"}
    made = learnt().renewed(capture({"previous_response_id": "resp_one_old", "input": [item]}))
    assert isinstance(made, Capture)
    assert orjson.loads(made.request_body) == {"previous_response_id": "resp_one_new", "input": [item]}


def test_a_new_answer_gets_the_recorded_ids_back() -> None:
    ids, now = learnt(), capture(answered=renewed(RESPONSE, "old", "new"))
    assert orjson.loads(ids.restored(now).body) == RESPONSE
    other = capture(answered={"id": "resp_three"})
    assert ids.restored(other) is other


@pytest.mark.parametrize(
    "asked",
    [
        {"previous_response_id": "resp_one_old"},
        {"conversation": "conv_one_old"},
        {"conversation": {"id": "conv_one_old"}},
        {"input": [{"type": "item_reference", "id": "fc_one_old"}]},
        {"input": [{"id": "fc_one_old"}]},
        {"input": [{"type": "function_call_output", "call_id": "call_1", "output": ""}]},
    ],
)
def test_what_rests_on_a_lost_answer_is_not_sent(asked: Any) -> None:
    ids = Ids()
    ids.lose(Resend("a 1", "a", 1, capture(answered=RESPONSE)))
    why = ids.renewed(capture(asked))
    assert isinstance(why, str)
    assert why.startswith("it rests on ")
    assert why.endswith("'a 1' before it could not be checked")


def test_what_says_all_itself_is_sent() -> None:
    """A call and its output in one request need nothing that is stored."""
    ids = Ids()
    ids.lose(Resend("a 1", "a", 1, capture(answered=RESPONSE)))
    items = [RESPONSE["output"][1], {"type": "function_call_output", "call_id": "call_1"}]  # type: ignore[index]
    assert isinstance(ids.renewed(capture({"input": items})), Capture)
    assert isinstance(ids.renewed(capture([])), Capture)
    assert isinstance(ids.renewed(Capture("POST", "/v1/files", 200, (), request_body=b"--x")), Capture)


def test_only_what_was_made_is_deleted() -> None:
    assert isinstance(learnt().renewed(capture(method="DELETE", path="/v1/responses/resp_one_old")), Capture)
    assert isinstance(learnt().renewed(capture(method="DELETE", path="/v1/responses/resp_other")), str)


def test_strands() -> None:
    """Files stay in order; one that names an id of another goes after it; a ring goes as it stands."""
    first, named = {"object": "response", "id": "resp_first"}, {"previous_response_id": "resp_first"}
    late, names_late = {"object": "response", "id": "resp_late_one"}, {"previous_response_id": "resp_late_one"}
    resends = [
        Resend("a 1", "a", 1, capture(named)),
        Resend("a 2", "a", 2, capture({})),
        Resend("b 1", "b", 1, capture({}, first)),
        Resend("c 1", "c", 1, capture({})),
        Resend("d 1", "d", 1, capture(names_late)),
        Resend("d 2", "d", 2, capture({}, late)),
    ]
    assert strands(resends) == [[2, 0, 1], [3], [4, 5]]


RULES = """
rules:
  - {name: readable, request: {body: {model: m}}, reply: {text: hi}}
  - {name: error, request: {body: {model: m}}, reply: {error: {status: 404, code: x, message: No.}}}
  - {name: page, request: {path: /v1/x}, reply: {http: {status: 200, headers: {content-type: text/plain}, body: hi}}}
  - {name: cut, request: {text: '<redacted:key>'}, reply: {http: {status: 200, body: hi}}, recorded: {end: cut}}
  - {name: secret, request: {text: '<redacted:key>'}, reply: {http: {status: 200, body: hi}}}
"""


def test_what_a_rule_file_tells() -> None:
    file = parse(RULES, "a.mock.yaml")
    assert file.usable
    resends = {
        recording.name: resend_of(recording, rule.replies[0][0])
        for recording, rule in zip(file.recordings, file.rules, strict=True)
    }
    assert unsendable(resends["readable"]).startswith("it has no exact bytes")
    error = resends["error"]
    assert (error.file, error.line, error.capture.status, error.capture.content_type) == (
        "a.mock.yaml",
        4,
        404,
        "application/json",
    )
    assert orjson.loads(error.capture.body)["error"]["code"] == "x"
    assert unsendable(error) == ""
    assert (resends["page"].capture.content_type, resends["page"].capture.body) == ("text/plain", b"hi")
    assert unsendable(resends["cut"]).startswith("the recording is not whole")
    assert unsendable(resends["secret"]).startswith("the request holds <redacted:key>, ")
