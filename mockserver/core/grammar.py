"""The event grammar: which stream events exist and which may follow which.

This room gathers the tables that everyone else uses: `EVENTS` (the types, from `event_types`) and `ITEM_ROWS` (how an
item runs, from `item_rows`, whose docstring shows how to walk a row). It must not know rules, requests or bytes.
"""

from __future__ import annotations

from mockserver.core.event_types import EVENTS, SCHEMA_TYPES, TERMINALS, EventType, full_name, similar_name
from mockserver.core.item_rows import ITEM_ROWS, Extras, Parts, Row, Signal, Step, Text, has_failed, opened, row_of

__all__ = [
    "EVENTS",
    "ITEM_ROWS",
    "SCHEMA_TYPES",
    "TERMINALS",
    "EventType",
    "Extras",
    "Parts",
    "Row",
    "Signal",
    "Step",
    "Text",
    "full_name",
    "has_failed",
    "opened",
    "row_of",
    "similar_name",
]
