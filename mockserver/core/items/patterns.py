"""A short text that a regular expression matches, for the easy expressions that schemas are full of.

This room decides which expressions are easy: literals, classes, groups, alternatives, counted repeats and anchors. Look-
arounds, back references and inline flags are not. It must not know schemas, and never runs an expression: its work is
bounded by the length of the pattern and of the text.

    >>> sample("^[A-Z]{2}-[0-9]{3}$")
    'AA-000'
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 2_000
"""The longest pattern that is read and the longest text that is made."""

_CLASSES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PREFERRED: Final = "a0A-_ .x1B"


class UnreadableError(ValueError):
    """The expression is not one of the easy ones, or is wrong."""


def sample(pattern: str) -> str | None:
    """Return a short text in which the pattern is found, or None when the pattern is not an easy one.

    The pattern is not run: a text made of an expression with anchors in odd places may not match after all.
    """
    if len(pattern) > LONGEST:
        return None
    try:
        reader = _Reader(pattern)
        text = reader.alternatives()
        reader.expect_end()
    except (UnreadableError, RecursionError):
        return None
    return text


class _Reader:
    """Reads an expression from left to right and writes what it asks for, each repeat as seldom as it may be."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def alternatives(self) -> str:
        """Read up to a closing bracket or the end; the first alternative is the one that is written."""
        chosen = self._sequence()
        while self._take("|"):
            self._sequence()
        return chosen

    def expect_end(self) -> None:
        if self._at != len(self._pattern):
            raise UnreadableError(f"unexpected {self._pattern[self._at]!r}")

    def _sequence(self) -> str:
        made = ""
        while self._at < len(self._pattern) and self._peek() not in "|)":
            made += self._repeated(self._atom())
            if len(made) > LONGEST:
                raise UnreadableError("too long")
        return made

    def _atom(self) -> str:
        char = self._next()
        match char:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "(":
                return self._group()
            case "[":
                return self._bracket()
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise UnreadableError("nothing to repeat")
            case _:
                return char

    def _group(self) -> str:
        if self._take("?"):
            if self._take("P<") or (self._take("<") and self._peek() not in "=!"):
                while self._next() != ">":
                    pass
            elif not self._take(":"):
                raise UnreadableError("look-around or flags")
        made = self.alternatives()
        if not self._take(")"):
            raise UnreadableError("a group is open")
        return made

    def _escape(self) -> str:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in "bBAZz":
            return ""
        if char in "xu":
            digits = "".join(self._next() for _ in range(2 if char == "x" else 4))
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise UnreadableError("no hexadecimal number") from None
        if char.isalnum():
            raise UnreadableError("unknown escape or back reference")
        return char

    def _bracket(self) -> str:
        """Read a class and return one character of it, a common one where it has any."""
        negated = self._take("^")
        ranges: list[tuple[str, str]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member()
            high = low
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("", "]"):
                self._next()
                high = self._member()
            ranges.append((low, high))
        self._next()
        if not negated:
            return ranges[0][0]
        for char in _PREFERRED:
            if not any(low <= char <= high for low, high in ranges):
                return char
        raise UnreadableError("a class without a common character")

    def _member(self) -> str:
        char = self._next()
        return (self._escape() or "\b") if char == "\\" else char

    def _repeated(self, atom: str) -> str:
        times = 1
        if self._take("*") or self._take("?"):
            times = 0
        elif self._take("+"):
            times = 1
        elif self._peek() == "{" and self._pattern[self._at + 1 : self._at + 2].isdigit():
            times = self._count()
        else:
            return atom
        if not self._take("?"):
            self._take("+")
        if times * len(atom) > LONGEST:
            raise UnreadableError("too long")
        return atom * times

    def _count(self) -> int:
        end = self._pattern.find("}", self._at)
        least, _, most = self._pattern[self._at + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()) or len(least) > 6:
            raise UnreadableError("no count")
        self._at = end + 1
        return int(least)

    def _peek(self) -> str:
        return self._pattern[self._at] if self._at < len(self._pattern) else "\0"

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise UnreadableError("it ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False
