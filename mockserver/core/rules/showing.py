"""How a value reads in a message: as JSON on one line, shortened, without secrets.

This room decides what may be shown of a value. It must not know what the message is about.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from mockserver.core.messages import ABSENT

NOTHING: Final = "nothing"
"""How an absent value reads."""

MASK: Final = "***"

_SECRET_NAME: Final = re.compile(r"authorization|cookie|token|secret|key|password|credential", re.IGNORECASE)
_NAMED: Final = re.compile(r"(?:^|[.\]])(?:headers|query)\.([^.]+)")
_SECRET_TEXT: Final = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[a-z])[-_][A-Za-z0-9_-]{8,}"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
)
"""Looser than the shapes of keys in recordings: masking too much costs nothing in a message."""
_SECRET_PAIR: Final = re.compile(
    r'("(?:(?:proxy-)?authorization|(?:set-)?cookie|[\w-]*api[-_]?key|password)":)"(?:[^"\\]|\\.)*"', re.IGNORECASE
)
_CONTEXT: Final = 20
"""Characters that two long texts show in common before they part."""


def is_secret(path: str) -> bool:
    """Say whether a condition such as `headers.authorization.contains` looks at something that must not be shown."""
    return any(_SECRET_NAME.search(name) for name in _NAMED.findall(path))


def without_secrets(text: str) -> str:
    """Return the text with everything masked that looks like a key or a token."""
    from mockserver.core.recordings.secrets.keyshapes import masked  # imported late: most runs never show a text

    return masked(_SECRET_TEXT.sub(MASK, text), MASK)


def show(value: Any, most: int = 120) -> str:
    """Return the value as JSON on one line of about `most` characters; ABSENT is `nothing`."""
    if value is ABSENT:
        return NOTHING
    if isinstance(value, str):
        return _json(_shortened(without_secrets(_bounded(value, most)), most))
    return _shortened(_SECRET_PAIR.sub(rf'\1"{MASK}"', without_secrets(_json(value))), most)


def show_pair(expected: Any, found: Any, most: int = 120) -> tuple[str, str]:
    """Return two values as they read side by side; two long texts start shortly before they part."""
    if isinstance(expected, str) and isinstance(found, str) and max(len(expected), len(found)) > most:
        same = next((at for at, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), None)
        if same is None:
            same = min(len(expected), len(found))
        if same > 2 * _CONTEXT:
            cut = same - _CONTEXT
            return show(f"…{expected[cut:]}", most), show(f"…{found[cut:]}", most)
    return show(expected, most), show(found, most)


def yaml_text(text: str) -> str:
    """Return text as YAML reads it back: plain where that is safe, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", _json(text))


_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*", re.ASCII)
_YAML_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _bounded(text: str, most: int) -> str:
    """Cut a very long text before it is searched for secrets."""
    return text if len(text) <= 8 * most else f"{text[: 4 * most]}…{text[-4 * most :]}"


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # lone surrogates, or integers that JSON readers do not take
        return repr(value)
