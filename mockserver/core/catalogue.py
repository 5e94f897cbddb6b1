"""The provider's errors as a table: for each name a status, a type, a code, a parameter and a message.

This room decides what an error looks like to a client. It must not know requests, rules, how long to wait or
why an error is answered. Rows follow the API's observed behaviour; rows marked *ours* are what only a mock can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import nearest
from mockserver.core.messages import ABSENT, EMPTY, Absent
from mockserver.core.reply import Error
from mockserver.core.waits import with_wait


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `message` and `param` may hold `{fields}`; `example` fills those that the caller leaves out."""

    name: str
    status: int
    type: str
    code: str | None
    param: str | None
    message: str
    example: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The names that the message understands."""
        return tuple(self.example)


_INVALID: Final = "invalid_request_error"
_NO_RETRY: Final = (("x-should-retry", "false"),)


def _row(
    name: str,
    status: int,
    message: str,
    *,
    type: str = _INVALID,  # noqa: A002 - the API's own word
    code: str | None = None,
    param: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    **example: str,
) -> Entry:
    if param is not None and "{" not in param:
        example.setdefault("param", param)
    return Entry(name, status, type, code, param, message, MappingProxyType(example), headers)


_BOUND: Final = "Invalid '{param}': %s value. Expected a value %s {limit}, but got {value} instead."
_SIZE: Final = "Invalid '{param}': %s. Expected %s with %s length {limit}, but got %s with length {value} instead."

_ROWS: Final = (
    # 400: the body
    _row("invalid_json", 400, "The request body could not be read as JSON: {reason}.", reason="it ends too early"),
    _row("empty_body", 400, "The request body is empty; a JSON object was expected."),
    _row(
        "body_not_object", 400, "Invalid type for the request body: expected an object, but got {found} instead.",
        code="invalid_type", found="an array",
    ),
    _row("invalid_request", 400, "The request is not valid: {reason}.", reason="it contradicts itself"),
    # 400: one parameter
    _row(
        "missing_required_parameter", 400, "Missing required parameter: '{param}'.",
        code="missing_required_parameter", param="input",
    ),
    _row(
        "empty_input", 400,
        "Missing required parameter: one of 'input', 'previous_response_id', 'conversation' or 'prompt' must be given.",
        code="missing_required_parameter",
    ),
    _row(
        "unknown_parameter", 400, "Unknown parameter: '{param}'.{suggestion}",
        code="unknown_parameter", param="max_tokens", suggestion="",
    ),
    _row(
        "invalid_type", 400, "Invalid type for '{param}': expected {expected}, but got {found} instead.",
        code="invalid_type", param="temperature", expected="a decimal", found="a string",
    ),
    _row(
        "invalid_value", 400, "Invalid value: '{value}'. Supported values are: {supported}.",
        code="invalid_value", param="truncation", value="sometimes", supported="'auto' and 'disabled'",
    ),
    _row(
        "integer_below_min_value", 400, _BOUND % ("integer below minimum", ">="),
        code="integer_below_min_value", param="max_output_tokens", limit="16", value="1",
    ),
    _row(
        "integer_above_max_value", 400, _BOUND % ("integer above maximum", "<="),
        code="integer_above_max_value", param="top_logprobs", limit="20", value="21",
    ),
    _row(
        "decimal_below_min_value", 400, _BOUND % ("decimal below minimum", ">="),
        code="decimal_below_min_value", param="temperature", limit="0", value="-1",
    ),
    _row(
        "decimal_above_max_value", 400, _BOUND % ("decimal above maximum", "<="),
        code="decimal_above_max_value", param="temperature", limit="2", value="3",
    ),
    _row(
        "object_above_max_properties", 400,
        "Invalid '{param}': too many properties. Expected an object with at most {limit} properties, "
        "but got an object with {value} properties instead.",
        code="object_above_max_properties", param="metadata", limit="16", value="17",
    ),
    _row(
        "string_above_max_length", 400, _SIZE % ("string too long", "a string", "maximum", "a string"),
        code="string_above_max_length", param="safety_identifier", limit="64", value="65",
    ),
    _row(
        "string_below_min_length", 400, _SIZE % ("string too short", "a string", "minimum", "a string"),
        code="string_below_min_length", param="tools[0].name", limit="1", value="0",
    ),
    _row(
        "array_above_max_length", 400, _SIZE % ("array too long", "an array", "maximum", "an array"),
        code="array_above_max_length", param="tools", limit="128", value="129",
    ),
    _row(
        "array_below_min_length", 400, _SIZE % ("array too short", "an array", "minimum", "an array"),
        code="array_below_min_length", param="tool_choice.tools", limit="1", value="0",
    ),
    _row(
        "unsupported_parameter", 400, "Unsupported parameter: '{given}'. The Responses API takes '{instead}' instead.",
        code="unsupported_parameter", given="messages", instead="input",
    ),
    _row(
        "parameter_not_supported_by_model", 400,
        "Unsupported parameter: '{param}' is not supported with the model '{model}'.",
        param="temperature", model="mock-1",
    ),
    _row(
        "unsupported_value", 400,
        "Unsupported value: '{value}' is not supported with the model '{model}'. Supported values are: {supported}.",
        code="unsupported_value", param="reasoning.effort", value="minimal", model="mock-1",
        supported="'low', 'medium', and 'high'",
    ),
    _row(
        "mutually_exclusive_parameters", 400,
        "Mutually exclusive parameters: give either '{first}' or '{second}', not both.",
        code="mutually_exclusive_parameters", first="conversation", second="previous_response_id",
    ),
    # 400: what the server remembers, and what the model can do
    _row(
        "previous_response_not_found", 400, "Previous response with id '{id}' not found.",
        code="previous_response_not_found", param="previous_response_id", id="resp_0",
    ),
    _row("no_tool_output", 400, "No tool output found for function call {id}.", param="input", id="call_0"),
    _row(
        "reasoning_without_follower", 400,
        "Item '{id}' of type 'reasoning' was provided without the item that must follow it.", param="input", id="rs_0",
    ),
    _row("empty_model", 400, "Invalid model: the name is empty.", code="model_not_found", param="model"),
    _row(
        "context_length_exceeded", 400, "The input is longer than the context window of this model.",
        code="context_length_exceeded", param="input",
    ),
    # 401, 403
    _row("invalid_api_key", 401, "Incorrect API key provided: {key}.", code="invalid_api_key", key="sk-…0000"),
    _row(
        "missing_api_key", 401,
        "No API key was provided. Send one in the Authorization header: 'Authorization: Bearer YOUR_KEY'.",
    ),
    _row(
        "unsupported_country_region_territory", 403, "Country, region, or territory not supported.",
        type="request_forbidden", code="unsupported_country_region_territory",
    ),
    _row("permission_denied", 403, "This API key may not do that: the permission '{permission}' is missing.",
         permission="api.responses.write"),
    # 404, 405, 410, 413, 415
    _row(
        "model_not_found", 404, "The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found", model="mock-0",
    ),
    _row("conversation_not_found", 404, "Conversation with id '{id}' not found.", id="conv_0"),
    _row("prompt_not_found", 404, "Prompt with id '{id}' not found.", id="pmpt_0"),
    _row("response_not_found", 404, "Response with id '{id}' not found.", id="resp_0"),
    _row("item_not_found", 404, "Item with id '{id}' not found.", id="msg_0"),
    # *ours*: official clients obey x-should-retry, so a miss is told once instead of three times
    _row("no_matching_rule", 404, "No rule matches {request}.", code="no_matching_rule", headers=_NO_RETRY,
         request="this request"),
    _row("unknown_url", 404, "Invalid URL ({method} {path}).{hint}", code="unknown_url", method="GET", path="/",
         hint=""),
    _row("method_not_allowed", 405, "Not allowed: {method} on {path}. Allowed: {allowed}.", code="method_not_allowed",
         method="GET", path="/v1/responses", allowed="POST"),
    _row("session_ended", 410, "The mock session '{session}' has ended.", code="session_ended", headers=_NO_RETRY,
         session="default"),
    _row("request_too_large", 413, "The request body is larger than {limit} bytes.", code="request_too_large",
         limit="33554432"),
    _row("unsupported_media_type", 415, "Unsupported content type: '{found}'. Send 'application/json'.",
         code="unsupported_media_type", found="text/plain"),
    # 429
    _row(
        "rate_limit_exceeded", 429,
        "Rate limit reached for {model} on requests per min (RPM): limit {limit}.{again}",
        type="requests", code="rate_limit_exceeded", model="this model", limit="10000", again="",
    ),
    _row(
        "token_rate_limit_exceeded", 429,
        "Rate limit reached for {model} on tokens per min (TPM): limit {limit}.{again}",
        type="tokens", code="rate_limit_exceeded", model="this model", limit="10000000", again="",
    ),
    _row(
        "insufficient_quota", 429, "The current quota is used up. Check the plan and the billing details.",
        type="insufficient_quota", code="insufficient_quota",
    ),
    # 500, 503
    _row("server_error", 500, "The server had an error while processing the request.", type="server_error",
         code="server_error"),
    _row("server_is_overloaded", 503, "The servers are overloaded. Try again later.", type="service_unavailable_error",
         code="server_is_overloaded"),
    _row("slow_down", 503, "Requests come in too fast. Slow down, then raise the rate gradually.",
         type="service_unavailable_error", code="slow_down"),
)  # fmt: skip

ERRORS: Final[Mapping[str, Entry]] = MappingProxyType({entry.name: entry for entry in _ROWS})
"""Every error by its name, in order of status."""

FAILURE_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "server_error": "The model failed to produce an answer.",
        "rate_limit_exceeded": "The rate limit was reached while answering.",
        "invalid_prompt": "The prompt was refused.",
        "data_residency_mismatch": "The data may not be processed in this region.",
        "bio_policy": "The request was stopped by the biology policy.",
        "misalignment_policy_violation": "The request was stopped by the misalignment policy.",
        "vector_store_timeout": "The vector store did not answer in time.",
        "invalid_image": "The image is not valid.",
        "invalid_image_format": "The image format is not supported.",
        "invalid_base64_image": "The image is not valid base64.",
        "invalid_image_url": "The image URL is not valid.",
        "image_too_large": "The image is too large.",
        "image_too_small": "The image is too small.",
        "image_parse_error": "The image could not be parsed.",
        "image_content_policy_violation": "The image was stopped by the content policy.",
        "invalid_image_mode": "The image mode is not supported.",
        "image_file_too_large": "The image file is too large.",
        "unsupported_image_media_type": "The media type of the image is not supported.",
        "empty_image_file": "The image file is empty.",
        "failed_to_download_image": "The image could not be downloaded.",
        "image_file_not_found": "The image file was not found.",
    }
)
"""What `response.error.code` may be (the published client's closed list), each with a default message."""

LIVE_FAILURE_CODES: Final = frozenset({"server_is_overloaded", "slow_down"})
"""Codes seen in live failed responses that the published client's types do not know."""

_TYPE_BY_STATUS: Final[Mapping[int, str]] = {429: "requests", 503: "service_unavailable_error"}


def envelope(
    message: str,
    type: str,  # noqa: A002 - the API's own word
    code: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    """Return the body of an error as the API writes it."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def error(
    name: str,
    *,
    message: str | None = None,
    param: str | Absent | None = ABSENT,
    code: str | Absent | None = ABSENT,
    type: str | None = None,  # noqa: A002 - the API's own word
    status: int | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    **fields: object,
) -> Error:
    """Return the error of that name, with whatever is given in place of the table's values.

    `fields` fill the message (an entry's `fields` names them; `param` counts as one). `param` or `code` None is null.
    429 and 503 carry the default wait (see `waits`). Raises `KeyError` with a suggestion for an unknown
    name.
    """
    entry = ERRORS.get(name)
    if entry is None:
        like = nearest(name, ERRORS)
        raise KeyError(f"no error is called {name!r}" + (f"; did you mean {like!r}?" if like else ""))
    if param is ABSENT:
        param = entry.param
    of_model = ""
    if message is None:
        known = {**entry.example, **fields} if param is None else {**entry.example, "param": param, **fields}
        message = entry.message.format_map(known)
        if "model" in entry.example and "model" not in fields:
            of_model = entry.message.format_map({**known, "model": "{model}"})
    body = envelope(message, type or entry.type, entry.code if code is ABSENT else code, param)
    return with_wait(Error(status or entry.status, body, name, (*entry.headers, *headers), of_model))


def naming(error: Error, model: str) -> Error:
    """Return the error with a message that speaks of this model, where it speaks of one and nobody said which."""
    if not error.of_model:
        return error
    told = {**error.body["error"], "message": error.of_model.replace("{model}", model)}
    return replace(error, body={**error.body, "error": told})


def custom(
    status: int,
    *,
    message: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's own word
    code: str | None = None,
    param: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Error:
    """Return an error that is not in the table. Without a `type` it gets the one usual for its status."""
    usual = _TYPE_BY_STATUS.get(status, "server_error" if status >= 500 else _INVALID)
    body = envelope(message or f"The mock answers with status {status}.", type or usual, code, param)
    return with_wait(Error(status, body, "", headers))
