"""The plugin's own settings in pytest's configuration file.

This room decides what they are called and how a wrong value reads. It must not know what becomes of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pytest

from mockserver.core.errors import SettingError, nearest
from mockserver.pytesting.names import OPTIONS, RECORD, RULES, UPSTREAM, VARIABLES

if TYPE_CHECKING:
    from mockserver.pytesting.taping import Taping
    from mockserver.pytesting.wishes import Wishes

EnvironmentMode: TypeAlias = Literal["early", "test", "off"]

MODES: Final[tuple[EnvironmentMode, ...]] = ("early", "test", "off")

PREFIX: Final = "mockserver_"

_LISTS: Final = frozenset({"allow_params", "auth_keys"})
_SWITCHES: Final = frozenset({"lenient"})


URL: Final = "MOCKSERVER_URL"


def declare(parser: pytest.Parser) -> None:
    """Make the settings known to pytest."""
    group = parser.getgroup("mockserver")
    group.addoption(
        "--mockserver-url",
        metavar="URL",
        default=None,
        help=f"use the `mockserver serve` at this URL instead of a server of our own (else ${URL}, else the ini setting)",
    )
    group.addoption(
        RECORD,
        metavar="MODE",
        default=None,
        help=f"what becomes of recordings: none, once, new, all or rewrite (else ${VARIABLES[RECORD]}, else none)",
    )
    group.addoption(
        UPSTREAM,
        metavar="URL",
        default=None,
        help=f"the real API to record (else ${VARIABLES[UPSTREAM]}, else what OPENAI_BASE_URL was, else the official one)",
    )
    parser.addini(f"{PREFIX}url", "the `mockserver serve` to use instead of a server of our own", default="")
    parser.addini(
        f"{PREFIX}env",
        "when OPENAI_BASE_URL, OPENAI_API_KEY and NO_PROXY point here: early (before tests are collected; the default), "
        "test (while a test uses the server) or off",
        default="early",
    )
    parser.addini(f"{PREFIX}rules", "rule files and folders for every test, from the root of the run", "linelist")
    parser.addini(f"{PREFIX}allow", "findings that fail no test, such as unused", "args")
    parser.addini(f"{PREFIX}strict", "rules from files have to be used, too", "bool", default=False)
    parser.addini(f"{PREFIX}dialect", "which fields and events exist: standard, reference, or a folder", default="")
    for name in OPTIONS:
        kind: Any = "args" if name in _LISTS else "bool" if name in _SWITCHES else "string"
        parser.addini(f"{PREFIX}{name}", f"`{name}` of every test's session", kind, default=None)


def mode(config: pytest.Config) -> EnvironmentMode:
    """Return when the environment is set. Raises `SettingError` for an unknown word."""
    given = str(_value(config, "env")).strip()
    if given not in MODES:
        like = nearest(given, MODES)
        hint = f"; did you mean {like}?" if like else ""
        raise SettingError(f"{PREFIX}env: expected early, test or off, got {given!r}{hint}")
    return given


def url(config: pytest.Config) -> str:
    """Return the URL of the shared server, "" for none: the option's, else the environment's, else the setting's."""
    given = _option(config, "mockserver_url")
    if given is None:
        given = os.environ.get(URL) or _value(config, "url")
    return str(given).strip()


def taping(config: pytest.Config) -> Taping | None:
    """Return what is to become of recordings, None where nobody says. Raises `SettingError` for an unknown mode."""
    given = {name: _option(config, name.removeprefix("--").replace("-", "_")) for name in VARIABLES}
    mode = os.environ.get(VARIABLES[RECORD], "") if given[RECORD] is None else str(given[RECORD])
    if not mode:
        return None
    from mockserver.pytesting.taping import read_taping

    upstream = os.environ.get(VARIABLES[UPSTREAM], "") if given[UPSTREAM] is None else str(given[UPSTREAM])
    return read_taping(mode, upstream, VARIABLES[RECORD] if given[RECORD] is None else RECORD, os.environ)


def _option(config: pytest.Config, name: str) -> Any:
    given = vars(config.option).get(name)
    if given is None:  # early in a run only this has been read
        given = vars(config.known_args_namespace).get(name)
    return given


def dialect(config: pytest.Config) -> str:
    """Return the dialect that is wanted, "" for the usual one."""
    return str(_value(config, "dialect"))


def given(config: pytest.Config) -> dict[str, Any]:
    """Return what is wished for every test, by name, as it stands there; {} where nobody wishes for anything."""
    found = {name: _value(config, name) for name in (*OPTIONS, "strict", "allow", RULES)}
    return {name: value for name, value in found.items() if value not in (None, "", [], False)}


def wishes(config: pytest.Config) -> Wishes:
    """Return the same read and checked. Raises `SettingError` for a value that makes no sense."""
    from mockserver.pytesting.wishes import Places, Wishes

    return Wishes().with_(given(config), PREFIX, Places(config.rootpath, config.rootpath))


def _value(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(f"{PREFIX}{name}")
    except (ValueError, TypeError, pytest.UsageError) as error:  # which do not say which setting it is
        raise SettingError(f"{PREFIX}{name}: {error}") from None
