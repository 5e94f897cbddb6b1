"""Templates: what a look-up finds, how it stands in text, and what is said about a bad one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.lookups import ROOTS
from mockserver.core.messages import Request
from mockserver.core.templates import Compact, Scope, Template, compile_template, render

BODY = {
    "model": "gpt-5",
    "metadata": {"case": "one", "my key": "two"},
    "tools": [{"name": "get_weather", "strict": True}, {"name": "last"}],
    "temperature": None,
    "input": [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "name": "get_weather", "call_id": "c0", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c0", "output": "old"},
        {"type": "function_call", "name": "get_weather", "call_id": "c1", "arguments": "{}"},
        {"type": "function_call", "name": "find", "call_id": "c2", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": '{"degrees": 18, "unit": "C"}'},
        {"type": "function_call_output", "call_id": "c2", "output": "plain text"},
    ],
}


def scope(body: Mapping[str, Any] = BODY, **given: Any) -> Scope:
    request = Request("POST", "/v1/responses", headers={"x-case": "retry"}, body=orjson.dumps(body))
    kept: dict[str, Any] = {
        "hit": 3,
        "state": {"step": "paid"},
        "match": lambda: {"0": "all", "1": "first", "word": "w"},
    }
    return Scope(request, **{**kept, **given})


def compiled(value: Any) -> tuple[Template, list[tuple[tuple[str | int, ...], str, str]]]:
    told: list[tuple[tuple[str | int, ...], str, str]] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        told.append((path, message, hint))

    return compile_template(value, report, ("reply",)), told


def filled(value: Any, scope_: Scope | None = None) -> tuple[Any, list[str]]:
    template, told = compiled(value)
    assert told == []
    notes: list[str] = []
    return render(template, scope_ or scope(), notes), notes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ model }}", "gpt-5"),
        ("{{model}}", "gpt-5"),
        ("{{ user }}", "weather?"),
        ("{{ turn }}", 3),
        ("{{ hit }}", 3),
        ("{{ state.step }}", "paid"),
        ("{{ state }}", {"step": "paid"}),
        ("{{ metadata.case }}", "one"),
        ('{{ metadata["my key"] }}', "two"),
        ("{{ metadata['my key'] }}", "two"),
        ("{{ headers.X-Case }}", "retry"),
        ("{{ body.tools[0].name }}", "get_weather"),
        ("{{ body.tools[-1].name }}", "last"),
        ("{{ body.tools[0].strict }}", True),
        ("{{ body.tools[1] }}", {"name": "last"}),
        ("{{ body.temperature }}", None),
        ("{{ tool_output }}", "plain text"),
        ("{{ tool_outputs.get_weather }}", '{"degrees": 18, "unit": "C"}'),
        ("{{ tool_outputs.get_weather.degrees }}", 18),
        ("{{ match[1] }} {{ match.word }} {{ match[0] }}", "first w all"),
        # inside text
        ("It is {{ tool_outputs.get_weather.degrees }} °{{ tool_outputs.get_weather.unit }}.", "It is 18 °C."),
        ("{{ turn }}{{ hit }}", "33"),
        (" {{ turn }}", " 3"),
        ("{{ body.tools[1] }} {{ body.temperature }} {{ body.tools[0].strict }}", '{"name":"last"} null true'),
        # literal braces
        ("{{{{ x }}", "{{ x }}"),
        ("{{{{{{ model }}", "{{gpt-5"),
        ("{{{{{{{{", "{{{{"),
        ("a } b }} c { d", "a } b }} c { d"),
    ],
)
def test_a_look_up_keeps_its_type_alone_and_becomes_text_inside_text(text: str, value: Any) -> None:
    found, notes = filled(text)
    assert found == value
    assert type(found) is type(value)
    assert notes == []


def test_what_the_user_just_said() -> None:
    assert filled("{{ input }}", scope({"input": "hi"})) == ("hi", [])
    assert filled("{{ tool_output }}", scope({"input": "hi"})) == (None, ["template {{ tool_output }} had no value"])


@pytest.mark.parametrize(
    "path",
    [
        "input",
        "state.gone",
        "metadata.gone",
        "headers.gone",
        "body.tools[2]",
        "body.tools[-3]",
        "body.tools.name",
        "body.model.name",
        "tool_output.field",
        "tool_outputs.gone",
        "tool_outputs.find.field",
        "tool_outputs.get_weather.gone",
        "match[2]",
    ],
)
def test_what_is_absent_is_null_or_empty_and_noted(path: str) -> None:
    note = f"template {{{{ {path} }}}} had no value"
    assert filled(f"{{{{{path}}}}}") == (None, [note])
    assert filled(f"<{{{{ {path} }}}}>") == ("<>", [note])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"input": 3, "metadata": 4}'])
@pytest.mark.parametrize("root", [name for name in ROOTS if ROOTS[name].steps != "name"])
def test_no_request_makes_a_look_up_fail(root: str, body: bytes) -> None:
    request = Request("POST", "/v1/responses", body=body)
    template, _ = compiled({"alone": f"{{{{ {root} }}}}", "inside": f"<{{{{ {root} }}}}>"})
    notes: list[str] = []
    found = render(template, Scope(request, 1, {}, dict), notes)
    assert isinstance(found["inside"], str)


def test_templates_stand_in_values_at_any_depth_but_never_in_keys() -> None:
    value = {"{{ model }}": ["{{ model }}", {"deep": ["x {{ turn }}", 1, None]}], "same": [1, 2]}
    assert filled(value) == ({"{{ model }}": ["gpt-5", {"deep": ["x 3", 1, None]}], "same": [1, 2]}, [])


def test_compact_becomes_json_text_after_filling() -> None:
    value = {"constant": Compact({"a": [1, "é"]}), "filled": Compact({"a": "{{ turn }}", "b": "{{ model }}"})}
    assert filled(value) == ({"constant": '{"a":[1,"é"]}', "filled": '{"a":3,"b":"gpt-5"}'}, [])
    template, _ = compiled(Compact({"a": 1}))
    assert template == Template('{"a":1}', constant=True)


def test_rendering_twice_gives_fresh_values_where_something_is_filled_in() -> None:
    template, _ = compiled([{"text": "{{ turn }}"}])
    first, second = render(template, scope(), []), render(template, scope(), [])
    assert first == second
    assert first is not second
    assert first[0] is not second[0]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{{ inptu }}", "`{{ inptu }}` begins with an unknown name, `inptu`", "did you mean `input`?"),
        (
            "{{ zzz }}",
            "`{{ zzz }}` begins with an unknown name, `zzz`",
            f"look-ups begin with one of {', '.join(ROOTS)}",
        ),
        (
            "{{ turn + 1 }}",
            "`{{ turn + 1 }}` is no look-up; templates take no expressions",
            "write a path such as {{ input }} or {{ body.tools[0].name }}, and `{{{{` for a literal `{{`",
        ),
        (
            "{{ }}",
            "`{{ }}` is no look-up; templates take no expressions",
            "write a path such as {{ input }} or {{ body.tools[0].name }}, and `{{{{` for a literal `{{`",
        ),
        ("hello {{ model.x is", "`{{ model.x` without `}}`", "write `{{{{` for a literal `{{`"),
        ("{{ model.name }}", "`{{ model.name }}`: `model` has no parts", "write {{ model }}"),
        (
            "{{ tool_outputs }}",
            "`{{ tool_outputs }}`: `tool_outputs` needs a name",
            "write e.g. {{ tool_outputs.NAME }}",
        ),
        ("{{ match }}", "`{{ match }}`: `match` needs a name", "write e.g. {{ match.NAME }}"),
    ],
)
def test_a_bad_template_is_told_and_stands_as_text(text: str, message: str, hint: str) -> None:
    template, told = compiled({"a": [text]})
    assert told == [(("reply", "a", 0), message, hint)]
    assert template == Template({"a": [text]}, constant=True)


@pytest.mark.parametrize(
    "steps", ["..a", ".", "[", "[x]", "[0", " b", "|b", "()", "['x]", "[12345678901]", "[0]b", "[-]"]
)
def test_only_paths_are_look_ups(steps: str) -> None:
    _, told = compiled(f"{{{{ body{steps} }}}}")
    assert [message for _, message, _ in told] == [
        f"`{{{{ body{steps} }}}}` is no look-up; templates take no expressions"
    ]


def test_every_mistake_of_a_text_is_told() -> None:
    _, told = compiled("{{ one }} {{ model }} {{ two }} {{")
    assert len(told) == 3


PLAIN = st.text(max_size=12).filter(lambda text: "{{" not in text)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_a_value_without_templates_renders_to_itself(value: Any) -> None:
    template, told = compiled(value)
    assert told == []
    assert template.constant
    assert render(template, scope(), []) == value


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="{} modelbdy.[]0\"'a", max_size=40))
def test_any_text_compiles_and_renders(text: str) -> None:
    template, told = compiled(text)
    notes: list[str] = []
    found = render(template, scope(), notes)
    if not told and not template.constant:
        assert found != text
    if template.constant and "{{{{" not in text:
        assert found == text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_doubled_braces_write_any_text_literally(text: str) -> None:
    assert filled(text.replace("{{", "{{{{"))[0] == text
