"""The voice: saying lines on streams that may be closed, full, or have nobody at the other end.

This room decides that a command goes on, and ends with its own exit code, whether or not anybody listens. It must not know
what is said.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


def steady() -> None:
    """Put the null device in place of standard streams that were closed before we began.

    Else the next file or socket that is opened would become the standard output of this process and of those it runs.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def say(stream: TextIO, text: str) -> None:
    """Write text at once. Where that cannot be done, this and whatever follows is lost, and nothing else happens."""
    try:
        stream.write(text)
        stream.flush()
    except BlockingIOError:
        return  # the reader is slow; the next line may get through
    except (OSError, ValueError):
        # What is still held would fail again when Python ends, and turn the exit code into 120.
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def tell(stream: TextIO, text: str) -> None:
    """Write lines that are for people, each with our name before it."""
    say(stream, "".join(f"mockserver: {line}\n" for line in text.splitlines()))
