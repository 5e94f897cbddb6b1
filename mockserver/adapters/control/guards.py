"""Who may use the control application.

This room decides that from a request's head alone; it must not know what is asked for. A web page that a browser shows must
never get in, even when its name resolves to this machine: the host asked for must be a loopback one. Requests from other
machines need the token. What a page can send without asking the browser's leave first is a POST of a form or of plain text:
so writes need a content type that no form can make. A DELETE carries nothing and always needs that leave.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from mockserver.adapters.line import Scope

BARE: Final = frozenset({"GET", "HEAD", "DELETE"})
"""Methods whose requests carry nothing."""

JSON: Final = "application/json"
YAML: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"})


def objection(scope: Scope, token: str) -> tuple[int, str] | None:
    """Return why this request may not use the control application, as status and text; None when it may."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get("origin")
    if origin is not None and not is_loopback(host_of(origin)):
        return 403, "Requests from web pages of other origins are refused."
    if not (
        token and hmac.compare_digest(headers.get("authorization", "").encode("latin-1"), f"Bearer {token}".encode())
    ):
        client = scope.get("client")
        if client is not None and not is_loopback(client[0]):
            return 403, "From another machine this needs the token, as 'Authorization: Bearer TOKEN'."
        if not is_loopback(host_of("//" + headers.get("host", ""))):
            return 403, "The Host header must name this machine as localhost or 127.0.0.1."
    if scope["method"] not in BARE and media_type(headers.get("content-type", "")) not in {JSON, *YAML}:
        return 415, f"Unsupported content type: send 'content-type: {JSON}', or application/yaml for rules."
    return None


def media_type(header: str) -> str:
    """Return the type that a content-type header names, without parameters."""
    return header.partition(";")[0].strip().lower()


def host_of(url: str) -> str | None:
    """Return the host that a URL names, None where it names none or is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_loopback(host: str | None) -> bool:
    """Say whether a host name or address means this machine, without asking any name server."""
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
