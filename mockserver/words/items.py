"""The output items as functions: what a model can say and do, for replies.

This room decides their Python names and arguments; ids, statuses and whatever is left out are filled in when a request is
answered. It must not know which values make sense: `core.items.shorthands` does, and reports the rest when a rule is built.

Text is written as in a rule file: `{{ input }}` and the other look-ups are live in it, `{{{{` is a literal `{{`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from mockserver.words.spelling import spelled
from mockserver.words.values import Item, given

Texts: TypeAlias = str | Sequence[str]
"""A text, or several."""

Phase: TypeAlias = Literal["commentary", "final_answer"]


@spelled
def text(text: str) -> Item:
    """A message of the assistant with this text.

    Example: `mockserver.when().reply(text("It is 18 °C in {{ tool_outputs.get_weather }}."))`
    """
    return Item({"message": text})


@spelled
def refusal(
    refusal: str,
    *,
    phase: Phase | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A message in which the model refuses.

    Example: `mockserver.when(input=contains("bomb")).reply(refusal("I can't help with that."))`
    """
    return _item("refusal", refusal, "refusal", given(phase=phase, id=id, status=status))


@spelled
def json_text(value: Any) -> Item:
    """A message whose text is this value as compact JSON: an answer to a `json_schema` format.

    Example: `mockserver.when(text_format="json_schema").reply(json_text({"city": "Paris", "degrees": 18}))`
    """
    return Item({"json": value})


@spelled
def message(
    text: str | None = None,
    *,
    content: str | Sequence[str | Mapping[str, Any]] | None = None,
    annotations: Sequence[str | Mapping[str, Any]] | None = None,
    refusal: str | None = None,
    phase: Phase | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A message of the assistant with all that it can have: several parts, annotations, a refusal, a phase.

    Example: `mockserver.when().reply(message("See the docs.", annotations=["https://example.org/docs"]))`
    """
    fields = given(
        text=text, content=content, annotations=annotations, refusal=refusal, phase=phase, id=id, status=status
    )
    return Item({"message": fields})


@spelled
def reasoning(
    summary: Texts | None = None,
    *,
    content: Texts | None = None,
    encrypted_content: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """Reasoning: its summary (several texts are several parts), and the raw reasoning text as `content`.

    Example: `mockserver.when().reply(reasoning("The user wants the weather."), text("It rains."))`
    """
    fields = given(content=content, encrypted_content=encrypted_content, id=id, status=status)
    return _item("reasoning", summary, "summary", fields)


@spelled
def function_call(
    name: str,
    arguments: Mapping[str, Any] | Sequence[Any] | str | None = None,
    *,
    call_id: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A call of one of the request's functions. Arguments are an object, or text that is sent as it is.

    Example: `mockserver.when().reply(function_call("create_user", {"name": "Bob"}, call_id="c1"))`
    """
    return Item({"function_call": given(name=name, arguments=arguments, call_id=call_id, id=id, status=status)})


@spelled
def custom_tool_call(
    name: str,
    input: str,  # noqa: A002 - the API's name
    *,
    call_id: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A call of a custom tool with free-form input.

    Example: `mockserver.when(tools=include("sql")).reply(custom_tool_call("sql", "select 1"))`
    """
    return Item({"custom_tool_call": given(name=name, input=input, call_id=call_id, id=id, status=status)})


@spelled
def web_search_call(
    query: str | None = None,
    *,
    queries: Texts | None = None,
    sources: Sequence[str | Mapping[str, Any]] | None = None,
    url: str | None = None,
    pattern: str | None = None,
    action: Mapping[str, Any] | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A web search; `url` opens a page, `url` with `pattern` searches in it, `action` is the whole action in full.

    Example: `mockserver.when().reply(web_search_call("weather in Paris"), text("It rains in Paris."))`
    """
    fields = given(queries=queries, sources=sources, url=url, pattern=pattern, action=action, id=id, status=status)
    return _item("web_search_call", query, "query", fields)


@spelled
def file_search_call(
    queries: Texts,
    *,
    results: Sequence[str | Mapping[str, Any]] | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A file search: the query or queries, and what was found.

    Example: `mockserver.when().reply(file_search_call("refunds", results=["Within 30 days."]), text("30 days."))`
    """
    return _item("file_search_call", queries, "queries", given(results=results, id=id, status=status))


@spelled
def code_interpreter_call(
    code: str,
    *,
    logs: Texts | None = None,
    outputs: Sequence[str | Mapping[str, Any]] | None = None,
    container_id: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """Code that the interpreter ran, with what it printed (`logs`) or all of its outputs.

    Example: `mockserver.when().reply(code_interpreter_call("print(6 * 7)", logs="42"), text("42"))`
    """
    fields = given(logs=logs, outputs=outputs, container_id=container_id, id=id, status=status)
    return _item("code_interpreter_call", code, "code", fields)


@spelled
def image_generation_call(
    result: str | None = None,
    *,
    partial_images: Sequence[str] | None = None,
    size: str | None = None,
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None = None,
    background: Literal["transparent", "opaque", "auto"] | None = None,
    output_format: Literal["png", "webp", "jpeg", "gif", "svg"] | None = None,
    action: Literal["generate", "edit", "auto"] | None = None,
    revised_prompt: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """An image in base64; `partial_images` are shown first in a stream.

    Example: `mockserver.when(input=contains("draw")).reply(image_generation_call("aGVsbG8=", size="1024x1024"))`
    """
    fields = given(
        partial_images=partial_images,
        size=size,
        quality=quality,
        background=background,
        output_format=output_format,
        action=action,
        revised_prompt=revised_prompt,
        id=id,
        status=status,
    )
    return _item("image_generation_call", result, "result", fields)


@spelled
def mcp_list_tools(
    server_label: str,
    tools: Sequence[str | Mapping[str, Any]] | None = None,
    *,
    error: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
) -> Item:
    """The tools of an MCP server: names, or mappings with name, description and input_schema.

    Example: `mockserver.when().reply(mcp_list_tools("wiki", ["ask"]), text("I can ask the wiki."))`
    """
    return Item({"mcp_list_tools": given(server_label=server_label, tools=tools, error=error, id=id)})


@spelled
def mcp_call(
    server_label: str,
    name: str,
    arguments: Mapping[str, Any] | Sequence[Any] | str | None = None,
    *,
    output: Any = None,
    error: str | Mapping[str, Any] | None = None,
    approval_request_id: str | None = None,
    id: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
) -> Item:
    """A call of an MCP server's tool, with its output or its error.

    Example: `mockserver.when().reply(mcp_call("wiki", "ask", {"q": "Paris"}, output="A city."), text("A city."))`
    """
    fields = given(
        server_label=server_label,
        name=name,
        arguments=arguments,
        output=output,
        error=error,
        approval_request_id=approval_request_id,
        id=id,
        status=status,
    )
    return Item({"mcp_call": fields})


def item(type: str, **fields: Any) -> Item:  # noqa: A002 - the API's name
    """Any item, written in full; only a missing id and status are filled in.

    Example: `mockserver.when().reply(item("compaction", encrypted_content="gAAA"))`
    """
    return Item({"type": type, **fields})


def _item(name: str, lone: Any, key: str, fields: dict[str, Any]) -> Item:
    """Return the short form where nothing but `lone` is said, else the mapping."""
    if lone is not None and not fields:
        return Item({name: lone})
    return Item({name: fields if lone is None else {key: lone, **fields}})
