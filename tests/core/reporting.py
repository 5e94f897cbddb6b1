"""What the tests of compiling share: a report that collects what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Reported:
    """Collects mistakes as (dotted path, message, hint)."""

    mistakes: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.mistakes.append((".".join(map(str, path)), message, hint))

    @property
    def only(self) -> tuple[str, str, str]:
        """The one mistake there must be."""
        [mistake] = self.mistakes
        return mistake


def refuse(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
    """Take part in a test that must not find a mistake."""
    raise AssertionError(f"{path}: {message} ({hint})")
