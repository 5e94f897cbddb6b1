"""What a failing test shows of the way to a mistake of its author: the test's own lines, none of ours.

This room decides which frames those are. It must not know what went wrong. Errors that are no words for people (bugs of ours,
say) keep every frame.
"""

from __future__ import annotations

from types import TracebackType

import pytest

from mockserver.core.errors import MockServerError

_PACKAGE = __name__.partition(".")[0]


def cut(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Leave out what lies below the last line of the test's own, where the error says all that there is to say."""
    if not excinfo.errisinstance((MockServerError, AssertionError)):
        return
    step: TracebackType | None = excinfo.tb
    while step is not None and step.tb_next is not None:
        if _is_ours(step.tb_next):
            step.tb_next = None  # what pytest filters itself it reads from here anew
            excinfo.traceback = type(excinfo.traceback)(excinfo.tb)
        step = step.tb_next


def _is_ours(step: TracebackType) -> bool:
    # By module, not by file: the code that dataclasses generate has no file. A hook of the plugin stands above the test.
    module = str(step.tb_frame.f_globals.get("__name__"))
    return module.partition(".")[0] == _PACKAGE and module != f"{_PACKAGE}.plugin"
