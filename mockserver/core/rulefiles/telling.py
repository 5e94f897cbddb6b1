"""Mistakes as they are found in one file: paths become lines and columns.

This room decides how a mistake gets its place and in which order mistakes are told. It must not know which mistakes there
are.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from mockserver.core.errors import Problem
from mockserver.core.rulefiles.forms import Path
from mockserver.core.rulefiles.yamlsource import Source, dotted

LONGEST: Final = 300
"""Characters of a message; it may quote what the author wrote."""
_TEMPLATE: Final = re.compile(r"`(\{\{[^`…]*)")


class Teller:
    """Collects mistakes, and turns the paths they come with into lines and columns. It is a `Report`."""

    def __init__(self, source: Source, file: str) -> None:
        self.source = source
        self.file = file
        self.problems: list[Problem] = []

    def __call__(self, path: Path, message: str, hint: str = "") -> None:
        self._note(path, message, hint, "error")

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Tell something that a person should know and that stops nothing."""
        self._note(path, message, hint, "warning")

    def _note(self, path: Path, message: str, hint: str, severity: Literal["error", "warning"]) -> None:
        # A mistake in a template is shown where the template stands inside its text.
        template = _TEMPLATE.match(message)
        line, column = self.source.place(path, template[1] if template else "")
        message = message.replace("\n", "\\n")  # one mistake is one short line, whatever it quotes
        if len(message) > LONGEST:
            message = f"{message[:LONGEST]}…"
        key = dotted(self.source.known(path))
        self.problems.append(Problem(message, self.file, line, column, key, hint, severity))

    def place(self, path: Path) -> str:
        """Return FILE:LINE of what stands at `path`."""
        line, _ = self.source.place(path)
        return f"{self.file}:{line}" if self.file else f"line {line}"

    def told(self) -> tuple[Problem, ...]:
        """Return every mistake, the text's own too, in file order and each once."""
        found = dict.fromkeys((*self.source.problems, *self.problems))
        return tuple(sorted(found, key=lambda problem: (problem.line, problem.column)))
