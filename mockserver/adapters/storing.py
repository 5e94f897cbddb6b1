"""Storing recordings: the files beside a rule file, then the rule file that names them.

This room decides the order of writing, and that a failure leaves everything as it was. It must not know what the files
hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mockserver.adapters import disk


def store(path: Path, text: str, beside: Mapping[str, bytes]) -> None:
    """Write files `beside` a rule file by their names, then the rule file: a crash between the two leaves whole files.

    What stands already with the same content is not touched. Raises `OSError`; then the files are as they were before.
    """
    before: dict[Path, bytes | None] = {}
    try:
        for name, content in beside.items():
            file = path.with_name(name)
            standing = file.read_bytes() if file.exists() else None
            if standing != content:
                disk.write_whole(file, content)
                before[file] = standing
        disk.write_whole(path, text)
    except OSError:
        for file, standing in before.items():
            if standing is None:
                file.unlink(missing_ok=True)
            else:
                disk.write_whole(file, standing)
        raise
