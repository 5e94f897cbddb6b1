"""The error table against the API's observed rows, and the waiting headers."""

from __future__ import annotations

import string
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseError

from mockserver.core import catalogue
from mockserver.core.catalogue import ERRORS, custom, envelope, error
from mockserver.core.limits import GENEROUS, Measure
from mockserver.core.waits import retry_headers, with_wait

# name, status, type, code, param: one line per observed row of the API
ROWS: list[tuple[str, int, str, str | None, str | None]] = [
    ("missing_required_parameter", 400, "invalid_request_error", "missing_required_parameter", "input"),
    ("empty_input", 400, "invalid_request_error", "missing_required_parameter", None),
    ("unknown_parameter", 400, "invalid_request_error", "unknown_parameter", "max_tokens"),
    ("invalid_type", 400, "invalid_request_error", "invalid_type", "temperature"),
    ("invalid_value", 400, "invalid_request_error", "invalid_value", "truncation"),
    ("integer_below_min_value", 400, "invalid_request_error", "integer_below_min_value", "max_output_tokens"),
    ("decimal_below_min_value", 400, "invalid_request_error", "decimal_below_min_value", "temperature"),
    ("object_above_max_properties", 400, "invalid_request_error", "object_above_max_properties", "metadata"),
    ("unsupported_parameter", 400, "invalid_request_error", "unsupported_parameter", None),
    ("parameter_not_supported_by_model", 400, "invalid_request_error", None, "temperature"),
    ("unsupported_value", 400, "invalid_request_error", "unsupported_value", "reasoning.effort"),
    ("mutually_exclusive_parameters", 400, "invalid_request_error", "mutually_exclusive_parameters", None),
    (
        "previous_response_not_found",
        400,
        "invalid_request_error",
        "previous_response_not_found",
        "previous_response_id",
    ),
    ("no_tool_output", 400, "invalid_request_error", None, "input"),
    ("reasoning_without_follower", 400, "invalid_request_error", None, "input"),
    ("empty_model", 400, "invalid_request_error", "model_not_found", "model"),
    ("invalid_api_key", 401, "invalid_request_error", "invalid_api_key", None),
    ("missing_api_key", 401, "invalid_request_error", None, None),
    ("unsupported_country_region_territory", 403, "request_forbidden", "unsupported_country_region_territory", None),
    ("permission_denied", 403, "invalid_request_error", None, None),
    ("model_not_found", 404, "invalid_request_error", "model_not_found", None),
    ("conversation_not_found", 404, "invalid_request_error", None, None),
    ("prompt_not_found", 404, "invalid_request_error", None, None),
    ("response_not_found", 404, "invalid_request_error", None, None),
    ("item_not_found", 404, "invalid_request_error", None, None),
    ("rate_limit_exceeded", 429, "requests", "rate_limit_exceeded", None),
    ("token_rate_limit_exceeded", 429, "tokens", "rate_limit_exceeded", None),
    ("insufficient_quota", 429, "insufficient_quota", "insufficient_quota", None),
    ("server_error", 500, "server_error", "server_error", None),
    ("server_is_overloaded", 503, "service_unavailable_error", "server_is_overloaded", None),
    ("slow_down", 503, "service_unavailable_error", "slow_down", None),
]


@pytest.mark.parametrize(("name", "status", "kind", "code", "param"), ROWS, ids=[row[0] for row in ROWS])
def test_observed_row(name: str, status: int, kind: str, code: str | None, param: str | None) -> None:
    """Each row that the API was seen to send is in the table, as it was seen."""
    made = error(name)
    assert (made.status, made.name) == (status, name)
    told = made.body["error"]
    assert (told["type"], told["code"], told["param"]) == (kind, code, param)


@pytest.mark.parametrize("name", ERRORS)
def test_every_entry_speaks_without_help(name: str) -> None:
    """By name alone, each entry gives a whole message and exactly the envelope's four keys."""
    told = error(name).body["error"]
    assert list(told) == ["message", "type", "param", "code"]
    assert told["message"]
    assert "{" not in told["message"]
    assert "None" not in told["message"]


@pytest.mark.parametrize("name", ERRORS)
def test_every_field_of_a_message_has_an_example(name: str) -> None:
    """A message names no field that a caller could forget."""
    entry = ERRORS[name]
    asked = {part for _, part, _, _ in string.Formatter().parse(entry.message) if part is not None}
    assert asked <= set(entry.fields)


MESSAGES: list[tuple[str, dict[str, Any], str]] = [
    ("missing_required_parameter", {"param": "model"}, "Missing required parameter: 'model'."),
    (
        "unknown_parameter",
        {"param": "input[0].rol", "suggestion": " Did you mean 'role'?"},
        "Unknown parameter: 'input[0].rol'. Did you mean 'role'?",
    ),
    (
        "invalid_type",
        {"param": "stream", "expected": "a boolean", "found": "a string"},
        "Invalid type for 'stream': expected a boolean, but got a string instead.",
    ),
    (
        "invalid_value",
        {"param": "truncation", "value": "x", "supported": "'auto' and 'disabled'"},
        "Invalid value: 'x'. Supported values are: 'auto' and 'disabled'.",
    ),
    (
        "integer_below_min_value",
        {"param": "max_tool_calls", "limit": 1, "value": 0},
        "Invalid 'max_tool_calls': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    ),
    ("previous_response_not_found", {"id": "resp_9"}, "Previous response with id 'resp_9' not found."),
    ("conversation_not_found", {"id": "conv_9"}, "Conversation with id 'conv_9' not found."),
    ("model_not_found", {"model": "x"}, "The model `x` does not exist or you do not have access to it."),
]


@pytest.mark.parametrize(("name", "fields", "message"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_message_templates(name: str, fields: dict[str, Any], message: str) -> None:
    """Given fields fill the provider's wording."""
    assert error(name, **fields).body["error"]["message"] == message


@given(st.text())
def test_a_field_is_never_a_template(value: str) -> None:
    """Braces in a client's value are text, not fields."""
    assert value in error("unknown_parameter", param=value).body["error"]["message"]


def test_whatever_is_given_wins() -> None:
    made = error("server_error", message="m", param="p", code=None, type="t", status=502, headers=(("a", "b"),))
    assert made.body == envelope("m", "t", None, "p")
    assert made.status == 502
    assert made.headers == (("a", "b"),)


def test_null_param_is_null() -> None:
    assert error("invalid_type", param=None).body["error"]["param"] is None


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean 'rate_limit_exceeded'"):
        error("rate_limit_exceded")


def test_a_miss_is_not_retried() -> None:
    """Official clients obey x-should-retry."""
    assert ("x-should-retry", "false") in error("no_matching_rule").headers


@pytest.mark.parametrize("name", ERRORS)
def test_only_429_and_503_tell_when_to_come_back(name: str) -> None:
    made = error(name)
    assert ("retry-after" in dict(made.headers)) == (made.status in (429, 503))


@pytest.mark.parametrize(
    ("ms", "pair"),
    [
        (0, ("1", "1")),
        (0.2, ("1", "1")),
        (10, ("1", "10")),
        (1000, ("1", "1000")),
        (1000.5, ("2", "1001")),
        (1001, ("2", "1001")),
        (60_000, ("60", "60000")),
    ],
)
def test_retry_headers(ms: float, pair: tuple[str, str]) -> None:
    assert retry_headers(ms) == (("retry-after", pair[0]), ("retry-after-ms", pair[1]))


@given(st.floats(min_value=0, max_value=1e9))
def test_a_client_never_comes_back_too_early(ms: float) -> None:
    """Both headers round up, so either wait is long enough, and whole seconds are never more than one second over."""
    told = {name: int(value) for name, value in retry_headers(ms)}
    assert told["retry-after-ms"] >= max(1, ms)
    assert told["retry-after"] * 1000 >= told["retry-after-ms"] > (told["retry-after"] - 1) * 1000


def test_with_wait_replaces_the_default() -> None:
    made = with_wait(error("slow_down", headers=(("x-a", "1"),)), 250)
    assert made.headers == (("x-a", "1"), ("retry-after", "1"), ("retry-after-ms", "250"))


def test_with_wait_leaves_other_statuses_alone_unless_told() -> None:
    assert with_wait(error("server_error"), 250).headers == ()
    assert dict(with_wait(error("server_error"), 250, always=True).headers)["retry-after-ms"] == "250"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (418, "invalid_request_error"), (429, "requests"), (500, "server_error")],
)
def test_a_custom_error_gets_the_usual_type(status: int, kind: str) -> None:
    made = custom(status, message="m", code="c", param="p")
    assert made.body == {"error": {"message": "m", "type": kind, "param": "p", "code": "c"}}
    assert made.name == ""


def test_failure_codes_are_the_clients() -> None:
    """A failed response must parse with the official client, whose list of codes is closed."""
    known = typing.get_args(ResponseError.model_fields["code"].annotation)
    assert set(catalogue.FAILURE_CODES) == set(known)
    assert not catalogue.LIVE_FAILURE_CODES & set(known)


def test_a_rate_limit_by_name_agrees_with_the_headers_beside_it() -> None:
    """Its message names the limits that the headers tell, and no model that nobody asked for."""
    rows: list[tuple[str, Measure]] = [("rate_limit_exceeded", "requests"), ("token_rate_limit_exceeded", "tokens")]
    for name, measure in rows:
        told = error(name).body["error"]["message"]
        assert f"limit {GENEROUS[measure]}." in told
        assert "for this model on" in told
