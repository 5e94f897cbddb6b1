"""Files that hold long values of a recording: the key `files` of a rule, and the values put back before they are read.

This room decides what may stand under `files`, and that no value is used whose file is missing or another. It must not
know what the values mean or where files stand: it is handed a function that gives the bytes of a file beside the rule
file. What stands for a value is the matter of `attachments`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from mockserver.core.errors import Report
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.recordings.attachments import attached, named
from mockserver.core.rulefiles.forms import WRONG, Leaf, Path
from mockserver.core.rulefiles.recordingform import Beside, Setting, exact_digest

WHERE: Final = ("request", "reply")
"""The keys of a rule below which values may stand in files."""

_NAME: Final = re.compile(r"(?![./])[^\\:<>\x00-\x1f]+\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{32}\Z")


def _read_files(value: Json, report: Report, path: Path) -> Any:
    if not isinstance(value, dict):
        report(path, f"expected files by name, got {described(value)}", "write e.g. `files: {cat.png: 'DIGEST'}`")
        return WRONG
    read: dict[str, str] = {}
    for name, digest in value.items():
        if not _NAME.match(name) or ".." in name.split("/"):
            report((*path, name), f"expected a file in this folder, got `{name}`", "never absolute, no `..`")
        elif not isinstance(digest, str) or not _DIGEST.match(digest):
            report((*path, name), f"expected the digest of {name}, 32 hexadecimal digits; got {described(digest)}")
        else:
            read[name] = digest
    return read if len(read) == len(value) else WRONG


FILES: Final = Leaf(
    _read_files,
    {
        "type": "object",
        "propertyNames": {"pattern": r"^(?![./])[^\\:<>]+$"},
        "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
)


def whole(
    rule: Mapping[str, Any], files: Mapping[str, str], setting: Setting, report: Report, path: Path
) -> Mapping[str, Any] | None:
    """Return a recorded rule with the values in it that stand in `files`; None where one of these is of no use.

    Without a reader of files what stands for the values stays, and that is told as a warning.
    """
    at = (*path, "files")
    used = named([rule.get(key) for key in WHERE])
    for name in files.keys() - used:
        setting.warn((*at, name), f"nothing in this rule stands for {name}", "take it out, if nothing else names it")
    if not used & files.keys():
        return rule
    if setting.beside is None:
        setting.warn(at, "these files are not looked at here: requests are compared with what stands for them")
        return rule
    found = {
        name: _content(name, digest, setting.beside, report, (*at, name))
        for name, digest in files.items()
        if name in used
    }
    contents = {name: content for name, content in found.items() if content is not None}
    if len(contents) < len(found):
        return None
    return {**rule, **{key: attached(rule[key], contents) for key in WHERE if key in rule}}


def _content(name: str, digest: str, beside: Beside, report: Report, path: Path) -> bytes | None:
    instead = f"put the value itself in place of `<base64:{name}>`"
    try:
        content = beside(name)
    except FileNotFoundError:
        report(path, f"file missing: there is no {name} beside this file", f"restore it, or {instead}")
        return None
    except OSError as error:
        report(path, f"the file {name} cannot be read: {error.strerror or error}", f"restore it, or {instead}")
        return None
    found = exact_digest(content)
    if found != digest:
        report(
            path,
            f"the file {name} is not what was recorded: its digest is {found}, noted is {digest}",
            "restore it (an editor or git's line-end conversion may have changed it), or note its new digest here",
        )
        return None
    return content
