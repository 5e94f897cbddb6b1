"""A test double for the Responses API: canned, timed and broken answers from YAML rules, over a real socket.

Importing this package is cheap: nothing of the web server or the validators is loaded until it is used. The public names
below come from their rooms when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.core.errors import RuleError
    from mockserver.testing.asked import AskedRequest
    from mockserver.testing.handle import Rule
    from mockserver.testing.received import ReceivedRequest
    from mockserver.testing.server import MockServer
    from mockserver.words import (
        Answer,
        Fault,
        Item,
        Matcher,
        Timing,
        all_of,
        any_of,
        auto,
        code_interpreter_call,
        contains,
        custom_tool_call,
        cut,
        delay,
        equals,
        error,
        events,
        exists,
        failed,
        file_search_call,
        function_call,
        glob,
        gt,
        gte,
        http,
        image_generation_call,
        include,
        incomplete,
        item,
        json_text,
        length,
        lt,
        lte,
        matches,
        mcp_call,
        mcp_list_tools,
        message,
        not_,
        one_of,
        reasoning,
        refusal,
        reset,
        schema,
        stall,
        text,
        web_search_call,
    )

__all__ = [
    "Answer",
    "AskedRequest",
    "Fault",
    "Item",
    "Matcher",
    "MockServer",
    "ReceivedRequest",
    "Rule",
    "RuleError",
    "Timing",
    "all_of",
    "any_of",
    "auto",
    "code_interpreter_call",
    "contains",
    "custom_tool_call",
    "cut",
    "delay",
    "equals",
    "error",
    "events",
    "exists",
    "failed",
    "file_search_call",
    "function_call",
    "glob",
    "gt",
    "gte",
    "http",
    "image_generation_call",
    "include",
    "incomplete",
    "item",
    "json_text",
    "length",
    "lt",
    "lte",
    "matches",
    "mcp_call",
    "mcp_list_tools",
    "message",
    "not_",
    "one_of",
    "reasoning",
    "refusal",
    "reset",
    "schema",
    "stall",
    "text",
    "web_search_call",
]

__version__ = "0.1.0"

_ELSEWHERE = {
    "AskedRequest": "mockserver.testing.asked",
    "MockServer": "mockserver.testing.server",
    "ReceivedRequest": "mockserver.testing.received",
    "Rule": "mockserver.testing.handle",
    "RuleError": "mockserver.core.errors",
}
"""The rooms of the public names that are no words."""


if not TYPE_CHECKING:  # else any misspelt name would be fine with type checkers

    def __getattr__(name: str) -> Any:
        """Load a public name from its room."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_hint(name)}", name=name)
        from importlib import import_module

        found = getattr(import_module(_ELSEWHERE.get(name, "mockserver.words")), name)
        globals()[name] = found
        return found


def _hint(name: str) -> str:
    if name.startswith("_"):
        return ""
    from mockserver.core.errors import nearest

    close = nearest(name, __all__)
    return f"; did you mean {close!r}?" if close else ""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
