"""Events written out: short where that gives the same, whole where it does not, and always readable YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.rulefiles.written import flow, lines, spell
from mockserver.core.rulefiles.yamlsource import read

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e9, 1e9).map(lambda x: round(x, 3))
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(JSON)
def test_flow_reads_back(value: Any) -> None:
    """Whatever stands in a value, our own reader of rule files gives it back."""
    assert read(f"top: {flow(value)}").value == {"top": value}


def test_a_key_that_yaml_reads_as_another_value_is_quoted() -> None:
    """In whatever case: a key must be text."""
    value = dict.fromkeys(("true", "True", "FALSE", "null", "Null", "yes", "name"), 1)
    assert read(flow(value)).value == value


def exact(entries: Sequence[Any]) -> list[Mapping[str, Any]]:
    """A completion that knows nothing: only exact data comes out right."""
    return [entry["data"] if isinstance(entry, dict) and "data" in entry else {} for entry in entries]


EVENTS = [
    {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "error": None}},
    {"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hel", "output_index": 0},
    {"type": "unheard.of", "x": 1},
]


def test_short_where_anything_will_do() -> None:
    entries = spell(EVENTS[:2], (), lambda entries: EVENTS[:2])
    assert entries == ["created", {"output_text.delta": "Hel"}]
    assert list(lines(entries)) == ["- created", '- {output_text.delta: "Hel"}']


def test_offsets_are_written_when_there_are_any() -> None:
    entries = spell(EVENTS[:2], (0.0, 12.5), lambda entries: EVENTS[:2])
    assert entries == ["created", {"at": "12.5ms", "output_text.delta": "Hel"}]


def test_exact_where_nothing_less_will_do() -> None:
    assert exact(spell(EVENTS, (), exact)) == EVENTS


def test_only_what_differs_is_spelled_out() -> None:
    """A delta that lacks a field is written with its fields; its neighbour stays short."""

    def becomes(entries: Sequence[Any]) -> list[Mapping[str, Any]]:
        whole = isinstance(entries[1].get("output_text.delta"), dict)
        return [EVENTS[0], EVENTS[1] if whole else {}]

    entries = spell(EVENTS[:2], (), becomes)
    assert entries == ["created", {"output_text.delta": {"delta": "Hel", "output_index": 0}}]


def test_it_ends_even_where_nothing_will_do() -> None:
    entries = spell(EVENTS, (), lambda entries: [])
    assert exact(entries) == EVENTS
