"""Settings from flags, environment and defaults, and how a wrong one is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.errors import SettingError
from mockserver.core.forwarding.address import Address
from mockserver.settings import SETTINGS, Settings, parse_now, parse_size, strangers


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    """The table and the value cannot drift apart."""
    assert [field.name for field in fields(Settings)] == list(SETTINGS)


def test_defaults() -> None:
    assert Settings.read({}, {}) == Settings()
    assert Settings().host == "127.0.0.1"


GOOD: list[tuple[str, Any, Any]] = [
    ("port", "0", 0),
    ("port", "65535", 65535),
    ("dialect", "reference", "reference"),
    ("validate", "WARN", "warn"),
    ("lenient", True, True),
    ("allow_params", ("a", "b"), frozenset({"a", "b"})),
    ("on_miss", "auto", "auto"),
    ("on_miss", "forward", "forward"),
    ("upstream", "https://host/v1/", Address("https", "host", 443, "/v1")),
    ("upstream_timeout", "10m", 600.0),
    ("upstream_ca", "ca.pem", "ca.pem"),
    ("trust_env", True, True),
    ("speed", "0", 0.0),
    ("speed", "2.5", 2.5),
    ("seed", "-3", -3),
    ("now", "2026-01-31T12:00:00Z", 1769860800.0),
    ("exhausted", "cycle", "cycle"),
    ("auth_keys", ("k1", "k2"), ("k1", "k2")),
    ("journal", "off", None),
    ("journal", "5", 5),
    ("log", "json", "json"),
    ("workers", "1", 1),
    ("catalogue", True, True),
    ("max_body", "1MiB", 1024 * 1024),
]


@pytest.mark.parametrize(("name", "given", "value"), GOOD)
def test_good_flags(name: str, given: Any, value: Any) -> None:
    assert getattr(Settings.read({name: given}, {}), name) == value


BAD: list[tuple[str, Any, str]] = [
    ("port", "70000", r"^--port: expected a whole number from 0 to 65535, got '70000'$"),
    ("port", "http", r"got 'http'"),
    ("host", " ", r"^--host: expected a name"),
    ("validate", "wran", r"did you mean warn\?"),
    ("on_miss", "forwards", r"did you mean forward\?"),
    ("upstream", "api.openai.com/v1", r"^--upstream: expected a URL such as https://api.openai.com/v1, got"),
    ("upstream", "https://me:secret@host/v1", r"without user and password, got 'https://\*\*\*@host/v1'"),
    ("upstream_timeout", "30", r"^--upstream-timeout: expected a time such as 25ms, 1.5s or 2m"),
    ("upstream_timeout", "0s", r"expected a time above 0"),
    ("speed", "-1", r"expected a factor"),
    ("speed", "nan", r"expected a factor"),
    ("speed", "inf", r"expected a factor"),
    ("seed", "x", r"whole number"),
    ("now", "yesterday", r"expected a time such as"),
    ("now", "+5", r"expected a shift such as"),
    ("now", "1e300", r"years 1970 to 9999"),
    ("exhausted", "repeats", r"did you mean repeat\?"),
    ("journal", "0", r"`off` keeps none"),
    ("log", "yaml", r"expected text, json or off"),
    ("workers", "4", r"several workers are not available"),
    ("workers", "0", r"whole number from 1"),
    ("max_body", "0", r"at least 1 byte"),
    ("max_body", "3 parsecs", r"expected a size such as"),
]


@pytest.mark.parametrize(("name", "given", "words"), BAD)
def test_bad_flags_are_told_by_their_flag(name: str, given: Any, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        Settings.read({name: given}, {})


@pytest.mark.parametrize(
    ("variable", "given", "name", "value"),
    [
        ("MOCKSERVER_PORT", "9", "port", 9),
        ("MOCKSERVER_LENIENT", "1", "lenient", True),
        ("MOCKSERVER_LENIENT", "no", "lenient", False),
        ("MOCKSERVER_AUTH_KEY", "a, b", "auth_keys", ("a", "b")),
        ("MOCKSERVER_ALLOW_PARAM", "x y", "allow_params", frozenset({"x", "y"})),
        ("MOCKSERVER_MAX_BODY", "2kB", "max_body", 2000),
        ("MOCKSERVER_PORT", "", "port", 8080),
        ("MOCKSERVER_PORT", "tcp://10.0.0.1:80", "port", 8080),
    ],
)
def test_environment(variable: str, given: str, name: str, value: Any) -> None:
    """Empty means unset; so does the address that container platforms put there."""
    assert getattr(Settings.read({}, {variable: given}), name) == value


def test_a_flag_beats_the_environment_even_a_broken_one() -> None:
    assert Settings.read({"port": "1"}, {"MOCKSERVER_PORT": "x"}).port == 1
    assert Settings.read({"auth_keys": ("f",)}, {"MOCKSERVER_AUTH_KEY": "e"}).auth_keys == ("f",)


def test_a_repeatable_flag_left_out_is_not_given() -> None:
    """Click hands in an empty tuple then; the environment still counts."""
    assert Settings.read({"auth_keys": ()}, {"MOCKSERVER_AUTH_KEY": "e"}).auth_keys == ("e",)


def test_a_broken_variable_is_told_by_its_name() -> None:
    with pytest.raises(SettingError, match=r"^MOCKSERVER_SPEED: expected a factor"):
        Settings.read({}, {"MOCKSERVER_SPEED": "fast"})


def test_an_unknown_setting_suggests_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean 'exhausted'"):
        Settings.read({"exausted": "miss"}, {})


def test_misspelt_variables_are_told_and_others_left_alone() -> None:
    told = strangers({"MOCKSERVER_PROT": "1", "MOCKSERVER_JAVA_TOOL_OPTIONS": "1", "PATH": "", "MOCKSERVER_PORT": "1"})
    assert told == ["MOCKSERVER_PROT is no setting and was ignored; did you mean MOCKSERVER_PORT?"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("1769860800.5", 1769860800.5),
        ("2026-01-31", 1769817600.0),
        ("2026-01-31T12:00:00", 1769860800.0),
        ("2026-01-31T13:00:00+01:00", 1769860800.0),
        ("+5m", 1300.0),
        ("-30s", 970.0),
        ("+250ms", 1000.25),
    ],
)
def test_times(text: str, seconds: float) -> None:
    """A time without a zone is UTC, so that a test reads the same everywhere."""
    assert parse_now(text, lambda: 1000.0) == pytest.approx(seconds)


@given(st.integers(1, 2000), st.sampled_from([("", 1), ("k", 1000), ("KiB", 1024), ("MB", 10**6), ("gib", 1024**3)]))
def test_sizes(count: int, unit: tuple[str, int]) -> None:
    assert parse_size(f"{count}{unit[0]}") == count * unit[1]


@given(st.text(max_size=20))
def test_any_text_for_any_setting_is_read_or_told(text: str) -> None:
    """No text makes reading fail in another way than a `SettingError` that names the flag."""
    for name, row in SETTINGS.items():
        told = row.flag
        try:
            Settings.read({name: text}, {})
        except SettingError as error:
            told = str(error)
        assert told.startswith(row.flag)
