"""What mockserver itself failed at while tests ran: errors that it logs on the server's thread, where no test sees them.

This room decides that such a failure is kept until a test is told of it. It must not know tests.
"""

from __future__ import annotations

import logging


class Failures(logging.Handler):
    """Keeps the errors of mockserver's own log from now on, until `close`."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._texts: list[str] = []
        self._logger = logging.getLogger("mockserver")
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record with its traceback."""
        self._texts.append(logging.Formatter().format(record))

    def take(self) -> list[str]:
        """Return what was kept, and keep it no longer."""
        taken, self._texts = self._texts, []
        return taken

    def close(self) -> None:
        """Listen no longer."""
        self._logger.removeHandler(self)
        super().close()
