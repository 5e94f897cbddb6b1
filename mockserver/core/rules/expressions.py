"""Regular expressions as authors write them: compiled, or said in one line why they cannot be.

This room decides which text is an expression. It must not know what is searched with it.
"""

from __future__ import annotations

import re
import warnings


def compiled(source: str) -> re.Pattern[str]:
    """Return the compiled expression. Raises `ValueError`, with a message for people, for text that is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how a later Python will read `[[` is no mistake today
            return re.compile(source)
    except re.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise ValueError(f"not a regular expression: {error.msg}{where} of {source!r}") from None
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"not a usable regular expression: {error}") from None
