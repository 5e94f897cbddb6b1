"""Where in the author's Python something was said.

This room decides which frame is the author's: the innermost one outside this package. It must not know rules.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from types import FrameType, MethodType, TracebackType
from typing import Any, Final

_PACKAGE: Final = __name__.partition(".")[0]


def caller() -> str:
    """Return FILE:LINE of whoever called into this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_back is not None and _is_ours(frame):
        frame = frame.f_back
    return "" if frame is None else f"{shortened(frame.f_code.co_filename)}:{frame.f_lineno}"


def of_function(function: Callable[..., Any]) -> str:
    """Return how a function is named and where it stands, such as `is_polite at tests/test_chat.py:12`."""
    plain = unwrapped(function)
    name = getattr(plain, "__name__", "") or repr(plain)
    name = "lambda" if name == "<lambda>" else name
    code = getattr(plain, "__code__", None)
    return name if code is None else f"{name} at {shortened(code.co_filename)}:{code.co_firstlineno}"


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function inside a method or a partial."""
    while isinstance(function, (functools.partial, MethodType)):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return function


def of_exception(error: BaseException) -> str:
    """Return FILE:LINE of the innermost of the author's lines that raised, "" where there is none."""
    found = ""
    step: TracebackType | None = error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not _is_ours(step.tb_frame) and (not found or not _is_installed(name)):
            found = f"{shortened(name)}:{step.tb_lineno}"
        step = step.tb_next
    return found


def shortened(name: str) -> str:
    """Return a file's name as seen from the working directory, where it lies below."""
    try:
        below = os.path.relpath(name)
    except (ValueError, OSError):  # another drive, or a working directory that is gone
        return name
    return name if below.startswith(os.pardir) or name.startswith("<") else below


def _is_ours(frame: FrameType) -> bool:
    # By module, not by file: the code that dataclasses generate has no file.
    return str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE


def _is_installed(name: str) -> bool:
    """Say whether this is a library's file, not the author's."""
    return name.startswith(("<", os.path.dirname(os.__file__))) or f"{os.sep}site-packages{os.sep}" in name
