"""What a test may wish for, which wish wins, and how a wrong one reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.core.errors import SettingError
from mockserver.pytesting.names import KEYWORDS
from mockserver.pytesting.wishes import Places, Wishes
from mockserver.settings import SETTINGS

SOURCE = "@pytest.mark.mockserver: "


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A run with rule files at its root and beside a test, one of them in both."""
    beside = tmp_path / "tests"
    beside.mkdir()
    for path in (tmp_path / "root.mock.yaml", tmp_path / "both.mock.yaml", beside / "both.mock.yaml"):
        path.write_text("otherwise: {text: ok}\n")
    return Places(beside, tmp_path)


def test_further_in_wins_and_rules_and_what_may_pass_add_up(places: Places) -> None:
    """Module, class and function each say a part."""
    outer = {"rules": ["root.mock.yaml"], "speed": 2, "allow": "miss", "strict": True, "seed": 7}
    inner = {"rules": "both.mock.yaml", "speed": 0, "allow": ["unused"], "strict": False}
    wishes = Wishes().with_(outer, SOURCE, places).with_(inner, SOURCE, places)
    assert wishes == Wishes(
        (places.root / "root.mock.yaml", places.test / "both.mock.yaml"),
        strict=False,
        allow=frozenset({"miss", "unused"}),
        options={"speed": 0.0, "seed": 7},
    )


def test_every_option_is_read_as_on_the_command_line(places: Places) -> None:
    given = {
        "validate": "warn",
        "now": "2026-01-31T12:00:00Z",
        "allow_params": ["a"],
        "lenient": True,
        "exhausted": "cycle",
    }
    assert Wishes().with_(given, SOURCE, places).options == {
        "validate": "warn",
        "now": 1769860800.0,
        "allow_params": frozenset({"a"}),
        "lenient": True,
        "exhausted": "cycle",
    }
    assert Wishes().with_({"now": None}, SOURCE, places).options == {"now": None}


def test_no_keyword_is_unknown_to_the_settings() -> None:
    assert set(KEYWORDS) - {"strict", "allow", "recording"} <= set(SETTINGS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strickt": True}, "there is no 'strickt'; did you mean 'strict'?"),
        ({"colour": 1}, "there is no 'colour'; there are strict, allow, recording, validate"),
        ({"strict": "yes"}, "strict: expected True or False, got 'yes'"),
        ({"allow": ["mis"]}, "allow: expected miss, .*, got 'mis'; did you mean 'miss'?"),
        ({"validate": "enforced"}, "validate: expected enforce, warn or off, got 'enforced'; did you mean enforce?"),
        ({"speed": "fast"}, "speed: expected a factor"),
        ({"now": "yesterday"}, "now: expected a time such as"),
        (
            {"rules": ["rot.mock.yaml"]},
            "rules: there is no 'rot.mock.yaml' neither in .*; did you mean 'root.mock.yaml'?",
        ),
        ({"rules": 7}, "rules: expected paths of rule files, got 7"),
        ({"rules": [""]}, "rules: expected the path of a rule file, got ''"),
        ({"rules": ["no/such/folder/x.mock.yaml"]}, "there is no 'no/such/folder/x.mock.yaml' neither in"),
    ],
)
def test_a_wrong_wish_is_told_in_one_line(given: dict[str, Any], message: str, places: Places) -> None:
    """What, where, and what it may have meant."""
    with pytest.raises(SettingError, match=message) as caught:
        Wishes().with_(given, SOURCE, places)
    assert str(caught.value).startswith(SOURCE)
    assert "\n" not in str(caught.value)
