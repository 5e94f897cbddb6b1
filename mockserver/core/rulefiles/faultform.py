"""How a fault is written in a rule file: a name, or a name with its time and place.

This room decides which spellings are understood and how mistakes in them read. It must not know what a fault does.
"""

from __future__ import annotations

from typing import Any, Final

from mockserver.core.durations import milliseconds
from mockserver.core.errors import Report, nearest
from mockserver.core.faults import FAULTS, Fault, Place, PlaceKind
from mockserver.core.grammar.event_types import full_name, similar_name

AFTER: Final[tuple[PlaceKind, ...]] = ("events", "deltas", "text", "bytes", "time")

EXAMPLE: Final = "write e.g. `reset: {after: {deltas: 3}}` or `delay: 300ms`"


def compile_fault(value: Any, report: Report, path: tuple[str | int, ...]) -> Fault | None:
    """Return the fault written as `value`: `cut`, `{delay: 300ms}`, `{reset: {after: {deltas: 3}}}`.

    None when it is no fault; every mistake is reported.
    """
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        report(path, "expected one fault by name", EXAMPLE)
        return None
    ((name, options),) = value.items()
    path = (*path, name)
    if name not in FAULTS:
        close = nearest(str(name), FAULTS)
        report(path, f"unknown fault `{name}`", f"did you mean `{close}`?" if close else f"known: {', '.join(FAULTS)}")
        return None
    takes = FAULTS[name].takes_time
    if options is None:
        options = {}
    elif not isinstance(options, dict):
        options = {"time": options}
    for key in options:
        if key not in ("time", "after", "before"):
            like = nearest(str(key), ("time", "after", "before"))
            hint = f"did you mean `{like}`?" if like else "known: time, after, before"
            report((*path, key), f"unknown key `{key}` of fault `{name}`", hint)
    time = None
    if "time" in options:
        if takes == "never":
            report((*path, "time"), f"fault `{name}` takes no time", "for a place in time write `after: {time: 300ms}`")
        time = _time(options["time"], report, (*path, "time"))
    elif takes == "must":
        report(path, f"fault `{name}` needs a time", f"write e.g. `{name}: 300ms`")
    if "after" in options and "before" in options:
        report(path, "a fault strikes at one place: `after` or `before`, not both")
    return Fault(name, _place(options, report, path), time)


def _time(value: Any, report: Report, path: tuple[str | int, ...]) -> float | None:
    try:
        return milliseconds(value)
    except ValueError as error:
        report(path, str(error))
        return None


def _place(options: dict[str, Any], report: Report, path: tuple[str | int, ...]) -> Place:
    if "before" in options:
        name = full_name(str(options["before"]))
        if name is None:
            like = similar_name(str(options["before"]))
            hint = f"did you mean `{like}`?" if like else "`mockserver list events` names them all"
            report((*path, "before"), f"unknown event `{options['before']}`", hint)
            return Place()
        return Place("before", name)
    if "after" not in options:
        return Place()
    after = options["after"]
    path = (*path, "after")
    if not isinstance(after, dict) or len(after) != 1 or next(iter(after)) not in AFTER:
        report(path, f"expected one of {', '.join(AFTER)}", "write e.g. `after: {deltas: 3}`")
        return Place()
    ((kind, value),) = after.items()
    if kind == "text":
        if not isinstance(value, str) or not value:
            report((*path, kind), "expected the text that must have been sent")
        return Place("text", str(value))
    if kind == "time":
        return Place("time", _time(value, report, (*path, kind)) or 0.0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        report((*path, kind), f"expected a whole number of {kind}, 0 or more, got {value!r}")
        return Place()
    return Place(kind, value)
