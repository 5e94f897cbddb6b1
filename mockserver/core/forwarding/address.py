"""The upstream's address: its base URL, and where below it a request to us belongs.

This room decides which URLs can be an upstream and which paths may leave. It must not know sockets or headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

EXAMPLE: Final = "https://api.openai.com/v1"

_BASE: Final = b"v1"
"""The one segment of our own paths that the upstream's base takes the place of."""
_ENDPOINTS: Final = ("/responses", "/models", "/chat/completions")
_ROUNDS: Final = 4
"""How often a path is decoded in the search for `..`: servers behind servers decode again."""
_PORTS: Final = {"http": 80, "https": 443}
_UNSENDABLE: Final = re.compile(rb"[^\x21-\x7e]")
_BLANK_OR_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")


class Astray(ValueError):  # noqa: N818 - says where a request stands, as its name does
    """A path that is not forwarded; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL. `host` is ASCII, in brackets if it holds colons; `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, text: str) -> Address:
        """Return the address that a base URL names. Raises `ValueError` with a message for people."""
        given = text.strip()
        try:
            parts = urlsplit(given)
            port = parts.port
        except ValueError:
            raise ValueError(f"expected a URL such as {EXAMPLE}, got {_masked(given)!r}") from None
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                f"expected a URL without user and password, got {_masked(given)!r}: what the client sends as its "
                "`authorization` is passed on"
            )
        if parts.scheme not in _PORTS or not parts.hostname or _BLANK_OR_CONTROL.search(given):
            raise ValueError(f"expected a URL such as {EXAMPLE}, got {given!r}")
        if parts.query or parts.fragment or given.endswith(("?", "#")):
            raise ValueError(f"expected a base URL without `?` and `#`, got {given!r}")
        path = parts.path.rstrip("/")
        for endpoint in _ENDPOINTS:
            if path.endswith(endpoint):
                raise ValueError(
                    f"leave {endpoint} out: the URL ends where a client's base URL ends, as {EXAMPLE} does"
                )
        try:
            host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
        except UnicodeError:
            raise ValueError(f"{parts.hostname!r} is no host name") from None
        return cls(
            parts.scheme,
            f"[{host}]" if ":" in host else host,
            _PORTS[parts.scheme] if port is None else port,
            quote(path, safe="/%:@!$&'()*+,;=~"),
        )

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the scheme's usual one: what stands in the `host` header."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def target(self, path: bytes, query: bytes = b"") -> bytes:
        """Return what to ask the upstream for, where we are asked for `path` (as sent, without session prefix).

        Bytes stay as they are, percent-encodings too. Raises `Astray` for a path outside `/v1`, and for one with a `..`
        in any encoding, which could leave the base.
        """
        root, slash, rest = path.removeprefix(b"/").partition(b"/")
        if not path.startswith(b"/") or unquote_to_bytes(root) != _BASE:
            raise Astray(f"only paths below /v1 are forwarded, to {self}")
        if _climbs(path):
            raise Astray("a path with `..` in it is not forwarded")
        target = self.path.encode() + slash + rest or b"/"
        if query:
            target += b"?" + query
        return _UNSENDABLE.sub(lambda found: b"%%%02X" % found[0][0], target)


def _climbs(path: bytes) -> bool:
    """Say whether a segment is `..` in some server's reading; a path that is encoded without end counts as one."""
    for _ in range(_ROUNDS):
        segments = re.split(rb"[/\\]", path)
        if any(segment.partition(b";")[0] == b".." for segment in segments):
            return True
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return True


def _masked(url: str) -> str:
    """Return a URL without what may be a password."""
    return re.sub(r"//[^/@]*@", "//***@", url)
