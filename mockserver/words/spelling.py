"""A misspelt keyword of a word, told with the nearest one that exists.

This room decides how that reads. It must not know the words.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mockserver.core.errors import MisuseError, nearest

P = ParamSpec("P")
T = TypeVar("T")


def spelled(word: Callable[P, T], called: str = "") -> Callable[P, T]:
    """Return the same function with a better `TypeError` for a keyword that it does not take; it is `called` that."""
    called = called or word.__name__
    known = tuple(name for name in inspect.signature(word).parameters if name != "self")

    @functools.wraps(word)
    def checked(*arguments: P.args, **keywords: P.kwargs) -> T:
        __tracebackhide__ = True
        for name in keywords:
            if name not in known:
                close = nearest(name, known)
                hint = f"did you mean `{close}`?" if close else f"known: {', '.join(known)}"
                raise MisuseError(f"unknown argument `{name}` of {called}(); {hint}")
        return word(*arguments, **keywords)

    return checked
