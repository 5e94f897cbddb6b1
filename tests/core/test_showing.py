"""What of a value reaches a message."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import ABSENT
from mockserver.core.rules.showing import is_secret, show, show_pair, without_secrets, yaml_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ABSENT, "nothing"),
        (None, "null"),
        ("a\nb", '"a\\nb"'),
        ({"a": [1, True]}, '{"a":[1,true]}'),
        ("x" * 50, '"' + "x" * 29 + "…" + "x" * 10 + '"'),
        (2**70, str(2**70)),
        ("\ud800", "'\\ud800'"),
        ({"authorization": "abc", "a": "b"}, '{"authorization":"***","a":"b"}'),
    ],
)
def test_values_read_as_json_on_one_line(value: Any, shown: str) -> None:
    """Shortened in the middle; what JSON cannot say is said in another way."""
    assert show(value, 40) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-proj-abcdefgh12 end", "key *** end"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("eyJhbGciOiJI.eyJzdWIi.c2ln", "***"),
        ("risk-averse task-oriented bearer of news", "risk-averse task-oriented bearer of news"),
        ("usage: 12 tokens", "usage: 12 tokens"),
        (
            "see hf_" + "Zq3Ef6hIjKl9mNo2PqRs5tUv8wXyZa1B and AIza" + "Zq3Ef6hIjKl9mNo2PqRs5tUv8wXyZa1Bc4D",
            "see *** and ***",
        ),
    ],
)
def test_what_looks_like_a_key_is_masked(text: str, shown: str) -> None:
    """And plain words are not."""
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("headers.Authorization", True),
        ("any_of[0].headers.x-api-key.glob", True),
        ("query.access_token", True),
        ("headers.x-case", False),
        ("metadata.token", False),
        ("body.$.usage.total_tokens", False),
    ],
)
def test_only_headers_and_query_are_secret_by_name(path: str, secret: bool) -> None:
    """A key name such as `tokens` in a body is no secret."""
    assert is_secret(path) is secret


def test_a_text_that_is_the_start_of_the_other_shows_where_it_ends() -> None:
    """The pair parts at the end of the shorter one."""
    expected, found = show_pair("a" * 200, "a" * 200 + "tail", 100)
    assert found.endswith('aatail"')
    assert expected.endswith('aa"')
    assert show_pair("a", "b" * 500, 50)[0] == '"a"'


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(["No", "null", "1e3", "~", "a: b"])
)
@settings(max_examples=100, deadline=None)
def test_yaml_reads_the_text_back(text: str) -> None:
    """Whatever the characters, as a value in a flow mapping."""
    assert yaml.safe_load(f"{{a: {yaml_text(text)}}}") == {"a": text}
