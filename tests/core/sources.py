"""Our API description and its overlays, read and built once for all tests."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

from mockserver.core.schemas.overlay import build_dialect

SCHEMAS = Path(__file__).parents[2] / "schemas"
DIALECTS = ("standard", "reference", "openai")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def read(name: str) -> dict[str, Any]:
    """Return a source by its path below `schemas`; nobody may change it."""
    found: dict[str, Any] = yaml.load((SCHEMAS / name).read_text("utf-8"), Loader=_Loader)
    return found


@functools.cache
def built(dialect: str) -> dict[str, Any]:
    """Return the files of one of our dialects, built afresh; nobody may change them."""
    overlay = None if dialect == "standard" else read(f"dialects/{dialect}.yaml")
    return build_dialect(read("openapi.yaml"), overlay)
