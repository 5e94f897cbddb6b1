"""The recorded request: as YAML where that says exactly the same, else as text, else as base64."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.writing.requests import as_value, identical, request_of
from mockserver.core.rulefiles.requestform import read_request
from tests.core.answering import Mistakes
from tests.core.capturing import http, written


def request(body: bytes, **fields: Any) -> dict[str, Any]:
    return request_of(Capture("POST", "/v1/responses", 200, (), request_body=body, **fields))


def test_what_is_usual_is_left_out() -> None:
    assert request(b'{"model":"gpt-5"}') == {"body": {"model": "gpt-5"}}
    assert request(b"") == {}
    capture = Capture("GET", "/v1/models", 200, (), query={"limit": "2"})
    assert list(request_of(capture).items()) == [("method", "GET"), ("path", "/v1/models"), ("query", {"limit": "2"})]


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":18446744073709551616}',
        b'{"a":1e400}',
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b'{"a":1,}',
        b"[" * 95 + b"]" * 95,
        b"hello: world",
        b"\xef\xbb\xbf{}",
        b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n",
        "\u2028 \x00 \x85".encode(),
    ],
)  # fmt: skip
def test_a_body_that_yaml_would_change_is_text(body: bytes) -> None:
    assert request(body) == {"text": body.decode()}


def test_a_body_that_is_no_text_is_base64() -> None:
    assert b64decode(request(b"\xff\x00")["base64"]) == b"\xff\x00"


@pytest.mark.parametrize(
    "body", [b'{"b":1,"a":1.0,"c":-0.0,"d":1e300}', b"null", b"[]", b'"x"', b"0.1", '{"ü":"😀\\n{{ input }}"}'.encode()]
)
def test_a_body_is_the_same_value_to_the_letter(body: bytes) -> None:
    found, value = as_value(body)
    assert found
    assert identical(value, orjson.loads(body))


def test_key_order_and_kinds_of_number_count() -> None:
    assert not identical({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not identical([1], [1.0])
    assert not identical([0.0], [-0.0])
    assert not identical([1], [True])


bodies = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
        max_leaves=8,
    ).map(
        lambda value: (
            str(value).replace("'", '"').replace("None", "null").replace("True", "true").encode("utf-8", "replace")
        )
    ),
)


@settings(max_examples=60, deadline=None)
@given(bodies)
def test_any_body_is_asked_again_as_it_was(body: bytes) -> None:
    """Written, read again as the rule's request, and matched by the recorded request itself."""
    made = written(http(b"{}", request_body=body))
    mistakes = Mistakes()
    sent = read_request(made.entry["request"], mistakes, ())
    assert mistakes.found == []
    again = getattr(sent, "body", None)
    assert again == body or orjson.loads(again or b"") == orjson.loads(body)
