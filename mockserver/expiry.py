"""Recordings that are older than their folder allows: a warning for whoever works with them, a failure in CI.

This room decides what CI is and what the time is. It must not know how old a recording may be (`core.recordings` does), nor
how a warning is shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mockserver.core.errors import Problem, RuleFileError

if TYPE_CHECKING:
    from mockserver.adapters.disk import RuleSet


def in_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether this runs in CI: services set the variable `CI`."""
    return environ.get("CI", "").lower() not in ("", "0", "false")


def outdated(rules: RuleSet) -> tuple[Problem, ...]:
    """Return each recording that is too old: warnings, errors in CI."""
    if not rules.recordings:
        return ()
    from mockserver.core.recordings import soundness

    return tuple(soundness.outdated(rules.recordings, time.time(), strict=in_ci()))


def usable(rules: RuleSet) -> tuple[Problem, ...]:
    """Return a warning for each recording that is too old. Raises `RuleFileError` for them in CI."""
    found = outdated(rules)
    if any(problem.severity == "error" for problem in found):
        raise RuleFileError(found)
    return found
