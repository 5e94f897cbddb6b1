"""What a test may show of a request: everything but its secrets, as YAML that is the same in every run.

This room decides what is masked and how it is laid out. It must not know where the values came from. Headers are left out
of a snapshot unless they are asked for by name: what clients send of themselves changes with their version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from mockserver.core.rules.showing import MASK, is_secret, without_secrets

_SECRET_KEY: Final = re.compile(r"(?:proxy-)?authorization|(?:set-)?cookie|[\w-]*api[-_]?key|password", re.IGNORECASE)
WIDTH: Final = 110


def header(name: str, value: str) -> str:
    """Return a header's value without its secret; an authorization keeps its scheme."""
    if not is_secret(f"headers.{name}"):
        return without_secrets(value)
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {MASK}" if blank and name.lower() == "authorization" else MASK


def redacted(value: Any) -> Any:
    """Return a JSON value as plain dicts and lists, with everything masked that looks like a secret or is named like one."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {str(name): _entry(str(name), each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(each) for each in value]
    return value


def _entry(name: str, value: Any) -> Any:
    if isinstance(value, str) and _SECRET_KEY.fullmatch(name):
        return MASK
    if name == "headers" and isinstance(value, Mapping):
        return {each: header(each, text) if isinstance(text, str) else redacted(text) for each, text in value.items()}
    return redacted(value)


def yaml(value: Any) -> str:
    """Return a JSON value as YAML: keys in their order, text of several lines as such."""
    import yaml as library  # late: whoever takes no snapshots does not need it

    class Dumper(library.SafeDumper):
        """Writes text of several lines as a block, and never refers back to an equal value."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: library.SafeDumper, given: str) -> Any:
        block = "\n" in given and not any(line.endswith((" ", "\t")) for line in given.split("\n"))
        return dumper.represent_scalar("tag:yaml.org,2002:str", given, style="|" if block else None)

    Dumper.add_representer(str, text)
    written: str = library.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return written
