"""What each record mode does with a set that is empty, and with one that is not."""

from __future__ import annotations

import pytest

from mockserver.core.recordings.modes import MODES, Mode, Plan, plan, read_mode

REPLAY, RECORD, BOTH = Plan(True, False), Plan(False, True), Plan(True, True)
REPLACE = Plan(False, True, replaces=True)


@pytest.mark.parametrize(
    ("mode", "when_empty", "otherwise"),
    [
        ("none", REPLAY, REPLAY),
        ("once", RECORD, REPLAY),
        ("new", BOTH, BOTH),
        ("all", RECORD, RECORD),
        ("rewrite", REPLACE, REPLACE),
    ],
)
def test_modes(mode: Mode, when_empty: Plan, otherwise: Plan) -> None:
    """The five modes, as a table."""
    assert plan(mode, empty=True) == when_empty
    assert plan(mode, empty=False) == otherwise


@pytest.mark.parametrize("mode", MODES)
def test_names(mode: Mode) -> None:
    """Each is read by its name, however it is spelled."""
    assert read_mode(f" {mode.upper()} ") == mode


def test_an_alias() -> None:
    """The name that people know from another recorder."""
    assert read_mode("new_episodes") == "new"


def test_a_misspelt_mode() -> None:
    """The modes there are, and the nearest."""
    with pytest.raises(ValueError, match="expected none, once, new, all or rewrite, got 'onse'; did you mean once"):
        read_mode("onse")
