"""Rules that forward where there is nowhere to forward to.

This room decides how that is told. It must not know whether there is an upstream.
"""

from __future__ import annotations

from collections.abc import Iterable

from mockserver.core.errors import Problem
from mockserver.core.reply import Forward
from mockserver.core.rules.book import Rule


def stranded(rules: Iterable[Rule]) -> list[Problem]:
    """Return a mistake for each reply that forwards, with its place: there is no upstream."""
    return [
        Problem("this rule forwards, and there is no upstream", *_split(reply.place), hint="give --upstream URL")
        for rule in rules
        for reply, _ in rule.replies
        if isinstance(reply.kind, Forward)
    ]


def _split(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (place, 0)
