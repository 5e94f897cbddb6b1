"""JSON that cannot be changed: what a test is handed of a request, so that no assertion can spoil the next one.

This room decides that it still compares, prints and serialises like plain dicts and lists. It must not know requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
    __tracebackhide__ = True
    kind = "dict" if isinstance(self, dict) else "list"
    raise TypeError(f"what was received cannot be changed; change a copy: copy.deepcopy(...) gives a plain {kind}")


class FrozenDict(dict[str, Any]):
    """A dict that refuses to be changed. Equal to a plain one with the same content; `copy.deepcopy` gives a plain one."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return thaw(self)

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class FrozenList(list[Any]):
    """A list that refuses to be changed. Equal to a plain one with the same content; `copy.deepcopy` gives a plain one."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = remove = clear = pop = sort = reverse = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return thaw(self)

    def __reduce__(self) -> Any:
        return (list, (list(self),))


def freeze(value: Any) -> Any:
    """Return a JSON value whose dicts and lists refuse to be changed, at any depth."""
    if isinstance(value, Mapping):
        return FrozenDict({name: freeze(each) for name, each in value.items()})
    if isinstance(value, (list, tuple)):
        return FrozenList([freeze(each) for each in value])
    return value


def thaw(value: Any) -> Any:
    """Return the same value as plain dicts and lists, all new."""
    if isinstance(value, Mapping):
        return {name: thaw(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(each) for each in value]
    return value
