"""What a recorder noted of an exchange, as it stands under `recorded` in a rule.

This room decides what may stand there. It must not know what it is used for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from mockserver.core.durations import milliseconds, moment
from mockserver.core.errors import Report
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.recordings.capture import End
from mockserver.core.rulefiles.forms import TEXT, WRONG, Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recorder noted. `at` is seconds since the epoch, `first` and `duration` milliseconds; None where not told.

    `reply` and `exact` are digests: of the readable reply and of the exact file.
    """

    at: float | None = None
    upstream: str = ""
    model: str = ""
    client: str = ""
    first: float | None = None
    duration: float | None = None
    end: End = "complete"
    why: str = ""
    reply: str = ""
    exact: str = ""


def _read_moment(value: Json, report: Report, path: Path) -> Any:
    try:
        return moment(value if isinstance(value, str) and value[:1] not in "+-" else "", lambda: 0.0)
    except ValueError:
        report(path, f"expected a time such as 2026-01-31T12:00:00Z, got {described(value)}")
        return WRONG


def _read_offset(value: Json, report: Report, path: Path) -> Any:
    try:
        return milliseconds(value)
    except ValueError as error:
        report(path, str(error))
        return WRONG


def _read_end(value: Json, report: Report, path: Path) -> Any:
    if value in get_args(End):
        return value
    report(path, f"expected one of {', '.join(get_args(End))}; got {described(value)}")
    return WRONG


_NOTED: Final[Mapping[str, Callable[[Json, Report, Path], Any]]] = {
    "at": _read_moment,
    "first": _read_offset,
    "duration": _read_offset,
    "end": _read_end,
    **dict.fromkeys(("upstream", "model", "client", "why", "reply", "exact"), TEXT.read),
}


def read_recorded(value: Json, report: Report, path: Path) -> Recorded:
    """Return what is noted under `recorded`; what other recorders note besides is passed over."""
    if not isinstance(value, dict):
        return Recorded()  # told already, where the rule was read
    noted = {
        name: found
        for name, read in _NOTED.items()
        if name in value and (found := read(value[name], report, (*path, name))) is not WRONG
    }
    return Recorded(**noted)
