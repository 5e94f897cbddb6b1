"""A lock on a folder, held across processes: who holds it may read a file there, change it and put it back.

This room decides how such a lock is had on this system. It must not know what it is for.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def locked(folder: Path) -> Iterator[None]:
        """Hold the lock of `folder`, waiting for it. Raises `OSError` where it cannot be had."""
        # A folder cannot be locked here; a file of its own would be left behind in the user's folder.
        name = f"mockserver-{zlib.crc32(os.path.realpath(folder).lower().encode()):08x}.lock"
        with open(Path(tempfile.gettempdir(), name), "a+b") as file:
            while True:
                file.seek(0)
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it gives up after ten tries, one a second
                    continue
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    @contextlib.contextmanager
    def locked(folder: Path) -> Iterator[None]:
        """Hold the lock of `folder`, waiting for it. Raises `OSError` where it cannot be had."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # and with it goes the lock, as it does when the process dies
