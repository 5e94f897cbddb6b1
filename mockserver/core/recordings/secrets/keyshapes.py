"""What keys, tokens and passwords look like: the one table of shapes, and the names beside which a value is secret.

This room decides whether a text looks like a secret, from the text and its name alone. It must not know where the text
stands, how it is encoded there, or what becomes of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log2
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret. What is secret is the pattern's first group, or the whole match where it has none.

    `opens` are the texts with which every match opens, in lower case: the pattern is tried only where one of them stands
    and no letter or digit before it. `check` looks at the secret once more, where a pattern cannot tell.
    """

    kind: str
    opens: tuple[str, ...]
    pattern: str
    check: Callable[[str], bool] | None = None


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text) or len(text) >= 40


def _is_mixed(text: str) -> bool:
    """Tell a random text from words joined by hyphens, such as sk-learn-pipeline-with-steps."""
    return any(char.isdigit() or char.isupper() for char in text)


def _is_echoed(text: str) -> bool:
    """Say whether an error message names a key, whole or with stars in it."""
    return "**" in text or is_plausible(text, "api_key")


def _is_basic(text: str) -> bool:
    """Say whether this is the base64 of `user:password`, and not a word after "Basic"."""
    try:
        return b":" in base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error:
        return False


_DUMMY_PASSWORDS: Final = frozenset(
    [
        "pass",
        "passwd",
        "password",
        "pwd",
        "secret",
        "changeme",
        "user",
        "username",
        "admin",
        "root",
        "guest",
        "postgres",
        "mysql",
        "example",
        "token",
    ]
)


def _is_real_password(text: str) -> bool:
    return text.lower() not in _DUMMY_PASSWORDS and not _STAND_IN.match(text)


SHAPES: Final[tuple[Shape, ...]] = (
    # Many vendors took over the `sk-` of the API's own keys.
    Shape("api_key", ("sk-",), r"sk-[A-Za-z0-9_-]{20,}", _is_mixed),
    Shape("api_key", ("sk-",), r"sk-[A-Za-z0-9_-]*\*{3,}[A-Za-z0-9_*-]*"),
    Shape("api_key", ("key provided:",), r"key provided: ?([^\s\"'<>\\,]*[^\s\"'<>\\,.])", _is_echoed),
    Shape("ephemeral_key", ("ek_",), r"ek_[A-Za-z0-9]{20,}"),
    Shape("organization", ("org-",), r"org-[A-Za-z0-9]{16,}(?![\w-])", _is_mixed),
    Shape("project", ("proj_",), r"proj_[A-Za-z0-9]{16,}", _is_mixed),
    Shape("token", ("bearer",), r"(?:[Bb]earer|BEARER)(?:\s|%20|\+)+([A-Za-z0-9._~+/-]{16,}=*)", _has_digit),
    Shape("credentials", ("basic",), r"(?:[Bb]asic|BASIC)\s+([A-Za-z0-9+/]{8,}={0,2})", _is_basic),
    Shape("jwt", ("eyj",), r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,3}"),
    Shape(
        "private_key",
        ("-----begin ",),
        r"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:\s|\\{1,8}[nr]){1,4}[A-Za-z-]{1,20}: [^\r\n\\]{0,120}){0,3}"
        r"(?:[A-Za-z0-9+/=\s-]|\\{1,8}[nr]){40,}?"
        r"(?:-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?![A-Za-z0-9+/=\s\\-])|\Z)",
    ),
    Shape(
        "url_password",
        ("://",),
        r"://[^\s/:@\"'<>\\?#]{0,80}:([^\s/@\"'<>\\?#]{3,200})@[\w\[]",
        _is_real_password,
    ),
    Shape("aws_access_key", ("akia", "asia", "abia", "acca"), r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    Shape(
        "signature",
        ("x-amz-si", "x-amz-se", "x-goog-s"),
        r"X-(?:Amz|Goog)-(?:Signature|Security-Token)=([^\s\"'<>\\&]{16,})",
    ),
    Shape("signature", ("sig=",), r"sig=([A-Za-z0-9+/%_-]{40,}(?:=|%3[dD])*)"),
    Shape("access_key", ("accountkey=", "sharedaccesskey="), r"(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,}={0,2})"),
    Shape("github_token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{20,}"),
    Shape("github_token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{20,}"),
    Shape(
        "gitlab_token", ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-"), r"gl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_.-]{20,}"
    ),
    Shape("google_key", ("aiza",), r"AIza[A-Za-z0-9_-]{35}"),
    Shape("google_token", ("ya29.",), r"ya29\.[A-Za-z0-9_-]{20,}"),
    Shape("google_secret", ("gocspx-",), r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    Shape("slack_token", ("xox", "xapp-"), r"(?:xox[abceoprs](?:\.xox[bp])?|xapp)-[A-Za-z0-9-]{10,}", _has_digit),
    Shape("slack_webhook", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{20,})"),
    Shape("stripe_key", ("sk_live_", "sk_test_", "rk_live_", "rk_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    Shape("webhook_secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{20,}"),
    Shape("huggingface_token", ("hf_",), r"hf_[A-Za-z0-9]{30,}"),
    Shape("npm_token", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    Shape("pypi_token", ("pypi-",), r"pypi-[A-Za-z0-9_-]{40,}"),
    Shape("sendgrid_key", ("sg.",), r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}"),
    Shape("replicate_token", ("r8_",), r"r8_[A-Za-z0-9]{37}(?![\w-])"),
    Shape("databricks_token", ("dapi",), r"dapi[0-9a-f]{32}"),
    Shape(
        "api_key",
        ("gsk_", "xai-", "pplx-", "tvly-", "lsv2_", "pcsk_", "nvapi-", "dop_v1_", "shpat_", "lin_api_", "ntn_"),
        r"(?:gsk_|xai-|pplx-|tvly-(?:dev-)?|lsv2_[a-z]{2}_|pcsk_|nvapi-|dop_v1_|shpat_|lin_api_|ntn_)[A-Za-z0-9_-]{24,}",
        _is_mixed,
    ),
)
_RUN: Final = re.compile(r"[A-Za-z0-9+=_-]{40}\Z", re.ASCII)

EMAIL: Final = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w-])", re.ASCII
)
"""An e-mail address: a secret only where somebody says so."""


@cache
def _compiled(shape: Shape) -> re.Pattern[str]:
    return re.compile(shape.pattern, re.ASCII)


def shaped(text: str, lower: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of what has a key's shape; `lower` is `lowered(text)`. They may overlap."""
    for shape in SHAPES:
        for opening in shape.opens:
            if opening in lower:
                yield from _of_shape(shape, opening, text, lower)


def _of_shape(shape: Shape, opening: str, text: str, lower: str) -> Iterator[tuple[int, int, str]]:
    pattern = _compiled(shape)
    at = lower.find(opening)
    while at >= 0:
        found = None if at and _continues(text, at) else pattern.match(text, at)
        if found is not None:
            start, end = found.span(1 if pattern.groups else 0)
            if start < end and (shape.check is None or shape.check(text[start:end])):
                yield start, end, shape.kind
        at = lower.find(opening, found.end() if found else at + 1)


def _continues(text: str, start: int) -> bool:
    """Say whether a match is the middle of something longer: of a word, or of a long run of base64."""
    before = text[start - 1]
    if before.isascii() and before.isalnum() and text[start] not in ":-":
        return True
    return _RUN.search(text, max(start - 40, 0), start) is not None


def lowered(text: str) -> str:
    """Return the text in lower case, each character at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else re.sub(r"[A-Z]+", lambda found: found[0].lower(), text)


def masked(text: str, mask: str) -> str:
    """Return the text with a mask for everything that has a key's shape."""
    made, at = "", 0
    for start, end, _ in sorted(shaped(text, lowered(text))):
        if end > at:
            made += text[at:start] + mask if start >= at else ""
            at = end
    return made + text[at:]


_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("apikey", "api_key"),
    ("authkey", "api_key"),
    ("secretaccesskey", "secret_key"),
    ("secretkey", "secret_key"),
    ("privatekey", "private_key"),
    ("accesskey", "access_key"),
    ("accesskeyid", "access_key"),
    ("accountkey", "access_key"),
    ("subscriptionkey", "access_key"),
    ("signingkey", "secret_key"),
    ("encryptionkey", "secret_key"),
    ("secret", "secret"),
    ("password", "password"),
    ("passwd", "password"),
    ("passphrase", "password"),
    ("pwd", "password"),
    ("authorization", "authorization"),
    ("credential", "credentials"),
    ("credentials", "credentials"),
    ("connectionstring", "credentials"),
    ("cookie", "cookie"),
    ("token", "token"),
)
"""How the name of a secret ends, in lower case without `-` and `_`, and its kind. Longer endings stand first."""

_NOT_SECRET: Final = (
    "pagetoken", "nexttoken", "continuationtoken", "synctoken", "cursortoken", "stoptoken", "eostoken", "bostoken",
    "padtoken", "lasttoken", "firsttoken", "timetofirsttoken", "pertoken",
)  # fmt: skip
"""Endings of names that hold a place in a list or a piece of text."""

_STAND_IN: Final = re.compile(
    r"<|\$|https?://|\{|%\(|\*\*|\.\.\.|os\.|env\.|process\.|[A-Z][A-Z0-9]*_[A-Z0-9_]*\Z|your[-_]|(?:true|false|null|none)\Z",
    re.ASCII,
)
"""How a value opens that stands in for a secret: a variable, a template, one masked already."""

_LEAST: Final = {"token": 16, "credentials": 16, "cookie": 16}
"""Characters that a value needs at least under a name of this kind; 8 under the others."""


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> str:
    """Return the kind of secret that a field or header of this name holds; "" for every other name.

    Names of counts (`input_tokens`, `max_output_tokens`) and of places in a list (`next_page_token`) are no secrets.
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower()[-48:])
    if plain.endswith(_NOT_SECRET):
        return ""
    return next((kind for ending, kind in _NAMES if plain.endswith(ending)), "")


def is_plausible(value: str, kind: str) -> bool:
    """Say whether a value under a secret name is a secret: long enough, no words, no stand-in, and random enough."""
    if len(value) < _LEAST.get(kind, 8) or len(value) > 8192 or any(char.isspace() for char in value):
        return False
    if _STAND_IN.match(value) or "<redacted:" in value:
        return False
    digits = any(char.isdigit() for char in value)
    upper = any(char.isupper() for char in value)
    lower = any(char.islower() for char in value)
    if digits and (upper or lower):
        return True
    # Without a digit it may be a name in code: `Keyword.Type`, `_PasswordType`.
    other = any(not (char.isalnum() or char in "_.-/") for char in value)
    if kind == "token" and value.isdigit():
        return False
    return upper + lower + digits + other >= 3 or (len(value) >= 20 and value.isalnum() and _entropy(value) >= 3.5)


def _entropy(text: str) -> float:
    """Return bits for each character, by how often each occurs."""
    return -sum(count / len(text) * log2(count / len(text)) for count in Counter(text).values())
