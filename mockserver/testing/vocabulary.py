"""The words of rules as attributes: `mockserver.contains("rain")` needs no import in a test.

This room decides nothing but which words there are; `mockserver.words` says what they do.
"""

from __future__ import annotations

from mockserver import words


class Vocabulary:
    """Every word, to be reached through whatever a test has at hand."""

    # Matchers
    all_of = staticmethod(words.all_of)
    any_of = staticmethod(words.any_of)
    contains = staticmethod(words.contains)
    equals = staticmethod(words.equals)
    exists = staticmethod(words.exists)
    glob = staticmethod(words.glob)
    gt = staticmethod(words.gt)
    gte = staticmethod(words.gte)
    include = staticmethod(words.include)
    length = staticmethod(words.length)
    lt = staticmethod(words.lt)
    lte = staticmethod(words.lte)
    matches = staticmethod(words.matches)
    not_ = staticmethod(words.not_)
    one_of = staticmethod(words.one_of)
    schema = staticmethod(words.schema)

    # Items
    code_interpreter_call = staticmethod(words.code_interpreter_call)
    custom_tool_call = staticmethod(words.custom_tool_call)
    file_search_call = staticmethod(words.file_search_call)
    function_call = staticmethod(words.function_call)
    image_generation_call = staticmethod(words.image_generation_call)
    item = staticmethod(words.item)
    json_text = staticmethod(words.json_text)
    mcp_call = staticmethod(words.mcp_call)
    mcp_list_tools = staticmethod(words.mcp_list_tools)
    message = staticmethod(words.message)
    reasoning = staticmethod(words.reasoning)
    refusal = staticmethod(words.refusal)
    text = staticmethod(words.text)
    web_search_call = staticmethod(words.web_search_call)

    # Whole answers
    auto = staticmethod(words.auto)
    error = staticmethod(words.error)
    events = staticmethod(words.events)
    failed = staticmethod(words.failed)
    http = staticmethod(words.http)
    incomplete = staticmethod(words.incomplete)

    # Faults and pacing
    cut = staticmethod(words.cut)
    delay = staticmethod(words.delay)
    reset = staticmethod(words.reset)
    stall = staticmethod(words.stall)
    Timing = words.Timing
