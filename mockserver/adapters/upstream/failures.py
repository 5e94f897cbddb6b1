"""Failures of the upstream: what an exception of the client means, for the client that asked us and for whoever reads.

This room decides which status a request gets that the upstream did not answer, and how an answer that broke off is said to
have ended. It must not know how anything is sent.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.adapters.upstream.client import Unready
from mockserver.core.forwarding.address import Address
from mockserver.core.forwarding.encodings import BrokenEncoding
from mockserver.core.recordings.capture import End

UNREACHABLE = "upstream_unreachable"
SILENT = "upstream_timeout"


@dataclass(frozen=True, slots=True)
class Failure:
    """How an exchange with the upstream failed: `why` in few words, `advice` on what to do about it.

    `status` and `code` are for the client, where no answer had begun.
    """

    end: End
    why: str
    advice: str = ""
    status: int = 502
    code: str = UNREACHABLE

    def told(self, address: Address) -> str:
        """Return the message for the client."""
        return f"No answer from the upstream {address}: {self.why}.{f' {self.advice}' if self.advice else ''}"


def unanswered(error: Exception, address: Address, timeout: float) -> Failure:
    """Return the failure of a request that got no answer. `timeout` is in seconds."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return Failure("unreachable", "connecting took too long", _REACH.format(address.authority), 504, SILENT)
    if isinstance(error, httpx2.TimeoutException):
        return Failure("timeout", f"silent for {timeout:g} s", "Raise --upstream-timeout to wait longer.", 504, SILENT)
    if isinstance(error, Unready):
        return Failure("unreachable", str(error))
    if isinstance(error, httpx2.LocalProtocolError):
        return Failure("unreachable", f"this request cannot be sent on ({error})", status=400, code="invalid_request")
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return Failure(
                    "unreachable",
                    f"its certificate is not trusted ({cause.verify_message or cause})",
                    "Name the file with its CA by --upstream-ca FILE.",
                )
            case ssl.SSLError():
                why = (cause.reason or str(cause)).lower().replace("_", " ")
                return Failure("unreachable", f"TLS failed ({why})", "Is it https:// that this port speaks?")
            case socket.gaierror():
                return Failure(
                    "unreachable",
                    f"no such host ({cause.strerror})",
                    f"Check the name {address.host} in --upstream, and the DNS.",
                )
            case ConnectionRefusedError():
                return Failure("unreachable", "connection refused", f"Is it running at {address.authority}?")
    if isinstance(error, httpx2.ProxyError):
        return Failure("unreachable", f"the proxy refused ({error})", "Check the proxy that the environment names.")
    if isinstance(error, httpx2.ConnectError):
        return Failure("unreachable", _words(error), _REACH.format(address.authority))
    if isinstance(error, httpx2.RemoteProtocolError) and "without sending" not in str(error):
        return Failure(
            "unreachable", f"what came is not valid HTTP ({error})", "Does it speak http:// or https:// there?"
        )
    reset = any(isinstance(cause, ConnectionResetError) for cause in _causes(error))
    return Failure("unreachable", "connection reset" if reset else "it closed the connection without an answer")


_REACH = "Can this machine reach {}?"


def broken_off(error: Exception, timeout: float) -> Failure:
    """Return the failure of an answer that did not come to its end. `timeout` is in seconds."""
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return Failure("timeout", f"the upstream was silent for {timeout:g} s")
    if isinstance(error, BrokenEncoding):
        return Failure("reset", f"the upstream broke its content encoding ({error})")
    if isinstance(error, httpx2.RemoteProtocolError):
        if "peer closed connection" in str(error):
            return Failure("cut", "the upstream ended the connection within the body")
        return Failure("reset", f"the upstream broke the framing of the body ({error})")
    return Failure("reset", f"the upstream reset the connection within the body ({_words(error)})")


def _words(error: Exception) -> str:
    """Return the most telling words of an exception: those of the system."""
    found = [cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror]
    return (found or [str(error) or type(error).__name__])[0]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, what it came from, and so on down."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
