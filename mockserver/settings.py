"""Every setting of a server in one frozen value, read from flags, then `MOCKSERVER_*`, then defaults.

This room decides what a setting may be and how a wrong one is told. It must not know who asks (the command line, a test
plugin), nor import the server: whoever starts one takes what it needs from here.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from mockserver.core.durations import milliseconds, moment
from mockserver.core.errors import SettingError, nearest
from mockserver.core.forwarding.address import Address

PREFIX: Final = "MOCKSERVER_"
TOKEN: Final = PREFIX + "TOKEN"
"""The variable with the token for `/_mock`: no flag, since flags can be read by everyone on the machine."""

Validate: TypeAlias = Literal["enforce", "warn", "off"]
OnMiss: TypeAlias = Literal["error", "auto", "forward"]
Exhausted: TypeAlias = Literal["miss", "repeat", "cycle"]
Log: TypeAlias = Literal["text", "json", "off"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is started with. `SETTINGS` says what each field takes and what it is for."""

    host: str = "127.0.0.1"
    port: int = 8080
    dialect: str = "standard"
    validate: Validate = "enforce"
    lenient: bool = False
    allow_params: frozenset[str] = frozenset()
    on_miss: OnMiss = "error"
    upstream: Address | None = None
    """Where requests are forwarded to."""
    upstream_timeout: float = 600.0
    """Seconds of silence after which the upstream's answer is given up."""
    upstream_ca: str | None = None
    trust_env: bool = False
    speed: float = 1.0
    seed: int = 0
    now: float | None = None
    """Seconds since the epoch at which the time of day stands still; None: the real time."""
    exhausted: Exhausted = "repeat"
    auth_keys: tuple[str, ...] = ()
    journal: int | None = 1000
    """How many exchanges are kept; None: none."""
    log: Log = "text"
    workers: int = 1
    catalogue: bool = False
    max_body: int = 32 * 1024 * 1024
    """The largest request body, in bytes."""

    @classmethod
    def read(cls, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
        """Read every setting. A flag is text, a list of texts, True, or None for "not given".

        Raises `SettingError` naming the flag or variable, what was expected and what was found.
        """
        unknown = set(flags) - set(SETTINGS)
        if unknown:
            raise SettingError(_unknown(min(unknown)))
        values: dict[str, Any] = {}
        for name, row in SETTINGS.items():
            given, source = flags.get(name), row.flag
            if given is None or given == ():
                given, source = environ.get(row.variable), row.variable
                if given is None or given == "" or _is_service_link(given):
                    continue
                if row.many:
                    given = [part for part in re.split(r"[,\s]+", given) if part]
            try:
                values[name] = row.parse(given)
            except ValueError as error:
                raise SettingError(f"{source}: {error}") from None
        return cls(**values)


def strangers(environ: Mapping[str, str]) -> list[str]:
    """Return one line for each variable that looks like a misspelt setting; unlike ones are none of our business."""
    known = {name.removeprefix(PREFIX) for name in (TOKEN, *(row.variable for row in SETTINGS.values()))}
    words = [name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX)]
    return [
        f"{PREFIX}{word} is no setting and was ignored; did you mean {PREFIX}{like}?"
        for word in words
        if word not in known and (like := nearest(word, known))
    ]


def parse_now(text: Any, clock: Callable[[], float] = time.time) -> float:
    """Return seconds since the epoch for an ISO 8601 time (UTC unless it says otherwise), an epoch, or `+5m` / `-30s`.

    Raises `ValueError` with a message for people.
    """
    return moment(text, clock)


def parse_size(text: Any) -> int:
    """Return the bytes of `1000000`, `500kB`, `32MiB`. Raises `ValueError` with a message for people."""
    found = re.fullmatch(r"(\d+)\s*([kKmMgG]?i?)[bB]?", str(text).strip(), re.ASCII)
    if not found or found[2].lower() == "i":
        raise ValueError(f"expected a size such as 1000000, 500kB or 32MiB, got {str(text)!r}")
    unit = found[2].lower()
    base = 1024 if unit.endswith("i") else 1000
    power = " kmg".index(unit[0] if unit else " ")
    size: int = int(found[1]) * base**power
    if size < 1:
        raise ValueError("expected at least 1 byte")
    return size


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is given: `takes` is shown in help; `many` may be repeated; `switch` takes no value."""

    name: str
    parse: Callable[[Any], Any]
    takes: str
    help: str
    many: bool = False
    switch: bool = False

    @property
    def flag(self) -> str:
        """The option on the command line; one that may be repeated goes by the singular."""
        return "--" + self._word.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable; one for many holds them separated by commas or blanks."""
        return PREFIX + self._word.upper()

    @property
    def _word(self) -> str:
        return self.name.removesuffix("s") if self.many else self.name


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(text: Any) -> int:
        try:
            number = int(str(text).strip())
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}, got {str(text)!r}")
        return number

    return parse


def _one_of(*known: str) -> Callable[[Any], str]:
    def parse(text: Any) -> str:
        given = str(text).strip().lower()
        if given not in known:
            like = nearest(given, known)
            hint = f"; did you mean {like}?" if like else ""
            raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, got {str(text)!r}{hint}")
        return given

    return parse


def _name(text: Any) -> str:
    given = str(text).strip()
    if not given:
        raise ValueError("expected a name, got nothing")
    return given


def _switch(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise ValueError(f"expected 1 or 0, got {str(value)!r}") from None


def _speed(text: Any) -> float:
    try:
        speed = float(text)
    except (TypeError, ValueError):
        speed = math.nan
    if not 0 <= speed < math.inf:
        raise ValueError(f"expected a factor: 1, 2 for twice as fast, 0 for instant; got {str(text)!r}")
    return speed


def _upstream(text: Any) -> Address:
    return Address.read(_name(text))


def _seconds(text: Any) -> float:
    given = milliseconds(str(text), usual="s") / 1000
    if not given > 0:
        raise ValueError(f"expected a time above 0 such as 30s or 10m, got {str(text)!r}")
    return given


def _workers(text: Any) -> int:
    if _whole(1, 1024)(text) > 1:
        raise ValueError("several workers are not available in this version: they would count and remember apart")
    return 1


def _journal(text: Any) -> int | None:
    if str(text).strip().lower() == "off":
        return None
    try:
        return _whole(1, 1_000_000)(text)
    except ValueError as error:
        raise ValueError(f"{error}; `off` keeps none") from None


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_name(value) for value in ([values] if isinstance(values, str) else values))


_ROWS: Final = (
    Setting("host", _name, "HOST", "Address to listen on."),
    Setting("port", _whole(0, 65535), "PORT", "Port to listen on; 0 takes any that is free."),
    Setting("dialect", _name, "NAME|DIR", "Which fields and events exist: standard, reference, or your own folder."),
    Setting("validate", _one_of("enforce", "warn", "off"), "enforce|warn|off", "What an invalid request body gets."),
    Setting("lenient", _switch, "", "Accept `{}` bodies, unknown ids and contradictory parameters.", switch=True),
    Setting("allow_params", lambda v: frozenset(_texts(v)), "NAME", "A request field to let through.", many=True),
    Setting("on_miss", _one_of("error", "auto", "forward"), "error|auto|forward", "What a request without a rule gets."),
    Setting("upstream", _upstream, "URL", "The real API's base URL, for `forward`: https://api.openai.com/v1."),
    Setting("upstream_timeout", _seconds, "TIME", "Silence after which the upstream's answer is given up."),
    Setting("upstream_ca", _name, "FILE", "CA certificates for the upstream, in place of the system's."),
    Setting("trust_env", _switch, "", "Let the variables for proxies and certificates count.", switch=True),
    Setting("speed", _speed, "FACTOR", "Scales every timing: 2 is twice as fast, 0 instant."),
    Setting("seed", _whole(-(2**63), 2**63 - 1), "N", "Same seed, same ids and jitter."),
    Setting("now", parse_now, "TIME", "Freezes the time of day: an ISO time, seconds since 1970, +5m."),
    Setting("exhausted", _one_of("miss", "repeat", "cycle"), "miss|repeat|cycle", "What follows a rule's last reply."),
    Setting("auth_keys", _texts, "KEY", "An API key to accept; without any, all are.", many=True),
    Setting("journal", _journal, "N|off", "How many exchanges are kept for `mockserver log`."),
    Setting("log", _one_of("text", "json", "off"), "text|json|off", "One line per request on stderr."),
    Setting("workers", _workers, "N", "How many processes answer (only 1 in this version)."),
    Setting("catalogue", _switch, "", "Add the models mock/every-event, mock/event/TYPE and mock/error/NAME.", switch=True),
    Setting("max_body", parse_size, "SIZE", "The largest request body, such as 32MiB."),
)  # fmt: skip

SETTINGS: Final[Mapping[str, Setting]] = {row.name: row for row in _ROWS}
"""Every setting by its field name: the one table behind flags, variables and help."""


def _unknown(name: str) -> str:
    like = nearest(name, SETTINGS)
    return f"there is no setting {name!r}" + (f"; did you mean {like!r}?" if like else "")


def _is_service_link(value: str) -> bool:
    """Container platforms set NAME_PORT=tcp://10.0.0.1:80 for a service called NAME; that is not our port."""
    return value.startswith(("tcp://", "udp://"))
