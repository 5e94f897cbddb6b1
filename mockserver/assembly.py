"""From settings and rule files to a server that is ready to run: the parts, put together once.

This room decides which part gets what, and what a reload replaces. It must not know who asked (a command line, a test), and
says everything through the stream it is given.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from mockserver import __version__
from mockserver.adapters import disk, voice
from mockserver.adapters.accesslog import AccessLog
from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.control import Testimony, control, is_loopback
from mockserver.adapters.server import Server, bind
from mockserver.adapters.upstream import Client, Relay, Taken
from mockserver.adapters.watch import Watch
from mockserver.core.engine import Engine
from mockserver.core.errors import Problem, RuleFileError, SettingError
from mockserver.core.forwarding.address import EXAMPLE
from mockserver.core.forwarding.stranded import stranded
from mockserver.core.messages import Ending, Exchange
from mockserver.core.options import Options
from mockserver.core.sessions import Session
from mockserver.expiry import usable
from mockserver.settings import Settings

SHIPPED: Final = "default.mock.yaml"
"""What is served when no rule files are given."""
CATALOGUE: Final = ("events.mock.yaml", "errors.mock.yaml")
"""What `--catalogue` adds: a model name for every event type and every error."""
ANY_KEY: Final = "mock"
"""The API key that clients are told to send where any is accepted."""


def rule_paths(settings: Settings, paths: Sequence[str | Path]) -> list[Path]:
    """Return the rule files and folders to serve: those given, else the shipped ones, and the catalogue's if wanted.

    The catalogue comes first: its rules answer only model names of its own.
    """
    shipped = disk.data("fixtures")
    wanted = [Path(path) for path in paths]
    if not wanted and settings.on_miss != "forward":  # the shipped rules would answer everything
        wanted = [shipped / SHIPPED]
    if settings.catalogue:
        wanted = [*(shipped / name for name in CATALOGUE), *wanted]
    return wanted


def build_engine(settings: Settings, rules: disk.RuleSet) -> Engine:
    """Return the engine for these settings and rules. Raises `SettingError` for a dialect that is not there."""
    options = Options(
        seed=settings.seed,
        speed=settings.speed,
        validate=settings.validate,
        lenient=settings.lenient,
        allow_params=settings.allow_params,
        on_miss=settings.on_miss,
        exhausted=settings.exhausted,
        auth_keys=settings.auth_keys,
        journal=settings.journal,
        upstream="" if settings.upstream is None else str(settings.upstream),
    )
    dialect = disk.load_dialect(settings.dialect)
    return Engine(rules.book, dialect, options, limits=rules.limits, auth_keys=rules.auth_keys)


def build_relay(settings: Settings, taken: Taken | None = None) -> Relay | None:
    """Return what passes requests on, None without an upstream; `taken` gets what was seen.

    Raises `SettingError` where misses are to be forwarded to nowhere or to this server, and for a CA file that holds no
    certificates.
    """
    if settings.upstream is None:
        if settings.on_miss == "forward":
            raise SettingError(f"--on-miss: forward needs --upstream URL, such as --upstream {EXAMPLE}")
        return None
    upstream = settings.upstream
    if settings.port == upstream.port and (upstream.host == settings.host or is_loopback(upstream.host.strip("[]"))):
        raise SettingError(f"--upstream: {upstream} is this server itself; give another --port, or the real API's URL")
    client = Client(
        upstream,
        timeout=settings.upstream_timeout,
        ca=settings.upstream_ca,
        trust_env=settings.trust_env,
    )
    return Relay(client, taken)


def judged(
    session: Session, *, allow: Sequence[str] = (), strict: bool = False, said: Testimony | None = None
) -> tuple[bool, str]:
    """Return whether nothing is wrong with a session, and the report on it, as the control application tells it.

    `allow` names what is let pass; `strict` also asks for each of the server's rules to be used. `said` is what the test
    says that the session belongs to: the report is then the one that the test shows. Raises `SettingError` for a name that
    is none.
    """
    from mockserver.testing.report import report
    from mockserver.testing.verdict import Made, judge, read_allowed

    allowed = read_allowed(list(allow), "allow")
    if said is not None:
        made = Made(said.made, said.loaded, said.unfinished)
        late, read, after = said.late, said.read, said.after
        verdict = judge(session, made, allow=allowed, strict=strict, late=late, read=read, after=after)
        return verdict.ok, report(verdict, said.allowing) if said.allowing else report(verdict)
    made = Made(session.rules, session.server.ruled)
    verdict = judge(session, made, allow=allowed, strict=strict)
    count = len(verdict.findings)
    summary = "clean" if verdict.ok else "1 finding" if count == 1 else f"{count} findings"
    text = report(verdict, "ask with ?allow={}")
    return verdict.ok, f"session '{session.name}': {summary}\n{text}\n"


@dataclass(slots=True)
class Tally:
    """How many exchanges ended, and what the misses among them were told."""

    requests: int = 0
    misses: int = 0

    def __str__(self) -> str:
        requests = "1 request" if self.requests == 1 else f"{self.requests} requests"
        misses = "1 miss" if self.misses == 1 else f"{self.misses} misses"
        return f"{requests}, {misses}"


class Assembly:
    """A server with its rules, watch, control application and log. `close` it once the server has stopped.

    `out` takes the access log and what the watch says; `token` lets other machines use `/_mock` (one is made up where
    they can reach it). `taken` gets what was seen of each exchange with the upstream; without it nothing is kept. Edits of
    rule files count at once where they are `watched`. Raises `RuleFileError` for mistakes in rule files and `SettingError`
    for a setting or port that cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Sequence[str | Path],
        out: TextIO,
        token: str = "",
        *,
        taken: Taken | None = None,
        watched: bool = True,
    ) -> None:
        self.settings = settings
        self.paths = rule_paths(settings, paths)
        self.rules = disk.load_rules(self.paths)
        self.outdated = usable(self.rules)
        objections = self._objections(self.rules)
        if objections:
            raise RuleFileError(objections)
        self.engine = build_engine(settings, self.rules)
        self.tally = Tally()
        self.missed: list[str] = []
        self._out = out
        self._log = AccessLog(out, settings.log)
        for problem in self.rules.problems:  # an error would have stopped us: these are warnings
            self.say(f"warning: {problem}")
        self.token = "" if is_loopback(settings.host) else token or secrets.token_urlsafe(16)
        watch = Watch(self.engine, self.paths, self.rules, self.say, objections=self._objections)
        clock = SystemClock(settings.now)
        upstream = build_relay(settings, taken)
        app = App(
            self.engine,
            clock,
            control=control(
                self.engine,
                token=self.token,
                background=(*[watch.run] * watched, *([] if upstream is None else [upstream.run])),
                version=__version__,
                now=clock.now,
                report=judged,
                examples=not paths,
            ),
            told=self._told,
            max_body=settings.max_body,
            upstream=upstream,
        )
        self.server = Server(app, bind(settings.host, settings.port))

    @property
    def base_url(self) -> str:
        """What clients are given."""
        return self.server.url + "/v1"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that point official clients here. With an upstream they keep their own key: it is passed on."""
        pointing = {"OPENAI_BASE_URL": self.base_url}
        if self.settings.upstream is not None:
            return pointing
        keys = (*self.engine.auth_keys, *self.settings.auth_keys, ANY_KEY)
        return {**pointing, "OPENAI_API_KEY": keys[0]}

    def say(self, text: str) -> None:
        """Write lines that are for people."""
        voice.tell(self._out, text)

    def close(self) -> None:
        """Write out what the log still holds."""
        self._log.close()

    def _objections(self, rules: disk.RuleSet) -> Sequence[Problem]:
        """Return why these rules cannot be served with these settings."""
        return stranded(rules.book.rules) if self.settings.upstream is None else ()

    def _told(self, exchange: Exchange, ending: Ending) -> None:
        self.tally.requests += 1
        if exchange.miss:
            self.tally.misses += 1
            if len(self.missed) < MOST_MISSES_KEPT:
                self.missed.append(exchange.miss)
        self._log(exchange, ending)


MOST_MISSES_KEPT: Final = 20
"""Misses kept to be shown at the end; all of them are counted."""
