"""What each mask takes out of a text, and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.rules.masks import compile_masks, masked
from tests.core.reporting import Reported, refuse

CASES: list[tuple[str, str, str]] = [
    ("date", "on 2026-11-22, at", "on <date>, at"),
    ("date", "2026-11-22T10:00:00Z", "<date>T10:00:00Z"),
    ("date", "Today is Sunday, November 22, 2026.", "Today is <date>."),
    ("date", "22 Nov 2026 and 22.11.2026 and 11/22/2026", "<date> and <date> and <date>"),
    ("date", "version 12026-11-220 and May I", "version 12026-11-220 and May I"),
    ("time", "2026-11-22T10:00:00.123Z", "2026-11-22T<time>"),
    ("time", "at 9:30 PM or 10:00+01:00", "at <time> or <time>"),
    ("time", "ratio 3:2 and a:10", "ratio 3:2 and a:10"),
    ("uuid", "id 3F2504E0-4f89-11d3-9A0C-0305E82C3301!", "id <uuid>!"),
    ("uuid", "3f2504e0-4f89-11d3-9a0c", "3f2504e0-4f89-11d3-9a0c"),
    ("path", "open /tmp/pytest-1/x.txt now", "open <path> now"),
    ("path", r"C:\Users\me\x.txt", "<path>"),
    ("path", "and/or https://host/a/b", "and/or https://host/a/b"),
    (
        "port",
        "http://localhost:8080/v1 127.0.0.1:9 [::1]:80",
        "http://localhost:<port>/v1 127.0.0.1:<port> [::1]:<port>",
    ),
    ("port", "at 10:30", "at 10:30"),
    ("run-[0-9]+", "run-17 of run-x", "<masked> of run-x"),
]


@pytest.mark.parametrize(("kind", "text", "expected"), CASES)
def test_what_a_mask_replaces(kind: str, text: str, expected: str) -> None:
    """Only what looks like the kind goes, and the kind says what was there."""
    assert masked(text, compile_masks(kind, refuse, ())) == expected


def test_masks_reach_every_string_but_no_key() -> None:
    """Lists and objects are walked; other values stay."""
    masks = compile_masks(["date", "time"], refuse, ())
    value = {"2026-01-01": ["on 2026-01-01 10:00:00", 1, None, {"a": "2026-01-02"}]}
    assert masked(value, masks) == {"2026-01-01": ["on <date> <time>", 1, None, {"a": "<date>"}]}


@pytest.mark.parametrize(
    ("given", "where", "message", "hint"),
    [
        (["date", "tme"], "mask.1", "unknown mask", "time"),
        ("whatever", "mask", "unknown mask", "date, time"),
        ("(a", "mask", "at character 1", ""),
        ("a{99999999999}", "mask", "not a usable regular expression", ""),
        (3, "mask", "kind of text", "uuid"),
        ([""], "mask.0", "kind of text", ""),
    ],
)
def test_mistakes_are_reported(given: Any, where: str, message: str, hint: str) -> None:
    """A misspelt kind is no pattern that never matches."""
    report = Reported()
    compile_masks(given, report, ("mask",))
    place, said, help_ = report.only
    assert place == where
    assert message in said
    assert hint in help_


def test_what_a_later_python_will_read_otherwise_is_no_mistake() -> None:
    """It is taken as this one reads it, without a warning."""
    report = Reported()
    [mask] = compile_masks("[[a]x", report, ("mask",))
    assert mask("[x ax bx") == "<masked> <masked> bx"
