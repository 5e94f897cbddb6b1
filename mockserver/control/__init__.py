"""A client of the control API: sessions, rules, clocks, journal and verdict of a running server, from Python.

This package decides how requests are made and how answers read as values. It needs nothing but the standard library, and
nothing of the server: that runs elsewhere, and may be older or newer.

    with Control("http://127.0.0.1:8080").create_session(rules="otherwise: {text: hi}") as session:
        run_my_app(base_url=session.base_url)
        session.assert_clean()
"""

from mockserver.control.client import Control
from mockserver.control.server import ControlError
from mockserver.control.session import Rules, Session, Time
from mockserver.control.told import Alias, Answer, Clock, Exchange, Page, Report, Rule, SessionInfo, Verdict

__all__ = [
    "Alias",
    "Answer",
    "Clock",
    "Control",
    "ControlError",
    "Exchange",
    "Page",
    "Report",
    "Rule",
    "Rules",
    "Session",
    "SessionInfo",
    "Time",
    "Verdict",
]
