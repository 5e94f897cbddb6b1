"""Asking what happened: the requests of a session, assertions on them, waiting for them, totals.

This room decides what can be asked and how a failed assertion reads. It must not know how a session is reached: whoever
builds on it says what came and tells of what comes.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, NamedTuple, NoReturn, TypeAlias, Unpack

from mockserver.building import Conditions
from mockserver.core.errors import MisuseError
from mockserver.core.journal import Journal
from mockserver.core.messages import Ending, Exchange
from mockserver.testing.asked import ToolOutput
from mockserver.testing.handle import Rule
from mockserver.testing.received import ReceivedRequest, Requests, told
from mockserver.testing.wanted import Wanted, listed

Step: TypeAlias = "Conditions | Rule"
"""One of several requests in order: conditions, or the rule that answered it."""


class Usage(NamedTuple):
    """Token counts, summed over every answer."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int
    reasoning_tokens: int


def settle(future: Future[None], holds: Callable[[], bool]) -> None:
    """Resolve a future that somebody waits on if this holds now; what it raises is raised where it is waited for."""
    with contextlib.suppress(InvalidStateError):  # given up meanwhile
        try:
            if holds():
                future.set_result(None)
        except Exception as error:
            future.set_exception(error)


class Watched(Journal):
    """A journal that tells when something was noted, on the thread that notes it."""

    def __init__(self, most: int | None) -> None:
        super().__init__(most)
        self.watchers: list[Callable[[], None]] = []

    def open(self, exchange: Exchange) -> int:
        """See `Journal.open`."""
        number = super().open(exchange)
        self._tell()
        return number

    def close(self, number: int, ending: Ending) -> None:
        """See `Journal.close`."""
        super().close(number, ending)
        self._tell()

    def _tell(self) -> None:
        for each in tuple(self.watchers):
            each()


class Asking(ABC):
    """What a test can ask of a session."""

    @abstractmethod
    def _received(self) -> Requests:
        """Return the requests so far."""

    @abstractmethod
    def _until(self, holds: Callable[[Requests], bool]) -> tuple[Future[None], Callable[[], None]]:
        """Return a future that is done once this holds, asked now and whenever something comes, and how to give up."""

    @property
    def requests(self) -> Requests:
        """Every request of the session so far, oldest first: those that missed, too."""
        return self._received()

    @property
    def last_request(self) -> ReceivedRequest:
        """The newest request. Raises `AssertionError` when none came."""
        __tracebackhide__ = True
        found = self._received()
        if not found:
            _fail("no request came to this session")
        return found[-1]

    def assert_called(
        self,
        times: int | None = None,
        *,
        in_order: Sequence[Step] | None = None,
        **conditions: Unpack[Conditions],
    ) -> Requests:
        """Assert that a request came for which these conditions hold, as in `when`; return those that did.

        `times` asks for exactly so many. `in_order` asks for requests one after the other, others between them or not:
        each is a mapping of conditions, or a rule of this test. Raises `AssertionError` that shows the nearest request.

        Example: `mockserver.assert_called(times=2, model="gpt-5", input=contains("rain"))`
        """
        __tracebackhide__ = True
        if in_order is not None:
            if times is not None:
                raise MisuseError("`times` counts requests that are alike; with `in_order` repeat the entry instead")
            return self._ordered(in_order, conditions)
        wanted = Wanted(conditions)
        requests = self._received()
        found = wanted.among(requests)
        if times is None and not found:
            came = f"{told(len(requests))} came" + (" and none fits" if requests else "")
            _fail(f"expected {wanted.words()}; {came}", wanted.nearest(requests), _others(requests))
        if times is not None and len(found) != times:
            rest = Requests(each for each in requests if each not in found) if len(found) < times else Requests()
            _fail(f"expected {wanted.words(times)}, got {len(found)}", listed(found), wanted.nearest(rest))
        return found

    def assert_not_called(self, **conditions: Unpack[Conditions]) -> None:
        """Assert that no request came for which these conditions hold; without any, that none came at all."""
        __tracebackhide__ = True
        requests = self._received()
        found = Wanted(conditions).among(requests) if conditions else requests
        if found:
            what = Wanted(conditions).words(0) if conditions else "no request"
            _fail(f"expected {what}, got {len(found)}", listed(found))

    def wait_for(
        self, n: int = 1, timeout: float = 5.0, *, ended: bool = False, **conditions: Unpack[Conditions]
    ) -> Requests:
        """Wait until `n` requests came for which these conditions hold, and return them: for work in the background.

        `ended` waits until they are answered to the end as well. `timeout` is in seconds. Raises `AssertionError` when it
        is over. Where the work runs on this thread's own event loop, await `wait_for_async` instead.
        """
        __tracebackhide__ = True
        wanted = Wanted(conditions)
        future, give_up = self._until(lambda requests: len(_due(wanted, requests, ended)) >= n)
        try:
            future.result(timeout)
        except TimeoutError:
            self._tell_late(wanted, n, timeout, ended, _blocks_a_loop())
        finally:
            give_up()
        return _due(wanted, self._received(), ended)

    async def wait_for_async(
        self,
        n: int = 1,
        timeout: float = 5.0,  # noqa: ASYNC109 - the same arguments as `wait_for`
        *,
        ended: bool = False,
        **conditions: Unpack[Conditions],
    ) -> Requests:
        """The same for a coroutine: the event loop goes on meanwhile."""
        __tracebackhide__ = True
        wanted = Wanted(conditions)
        future, give_up = self._until(lambda requests: len(_due(wanted, requests, ended)) >= n)
        try:
            await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        except TimeoutError:
            self._tell_late(wanted, n, timeout, ended, "")
        finally:
            give_up()
        return _due(wanted, self._received(), ended)

    # --- totals

    @property
    def tool_calls(self) -> list[str]:
        """The names of the tools that answers asked the app to call, in order."""
        return [call.name for request in self._answered() for call in request.tool_calls]

    @property
    def tool_outputs(self) -> list[ToolOutput]:
        """What the app gave back for calls, in order; what it sends again later counts once."""
        found: dict[tuple[str, str], ToolOutput] = {}
        for request in self._received():
            for output in request.tool_outputs:
                found.setdefault((output.call_id, output.output), output)
        return list(found.values())

    @property
    def usage(self) -> Usage:
        """The tokens that all answers say they took."""
        counts = [request.usage for request in self._answered()]
        read, written = "input_tokens_details", "output_tokens_details"
        return Usage(
            input_tokens=sum(_number(count, "input_tokens") for count in counts),
            output_tokens=sum(_number(count, "output_tokens") for count in counts),
            total_tokens=sum(_number(count, "total_tokens") for count in counts),
            cached_tokens=sum(_number(count.get(read), "cached_tokens") for count in counts),
            reasoning_tokens=sum(_number(count.get(written), "reasoning_tokens") for count in counts),
        )

    def _answered(self) -> Iterator[ReceivedRequest]:
        return (request for request in self._received() if request.status == 200)

    # --- how it fails

    def _ordered(self, steps: Sequence[Step], common: Mapping[str, Any]) -> Requests:
        __tracebackhide__ = True
        requests = self._received()
        found: list[ReceivedRequest] = []
        start = 0
        for number, step in enumerate(steps, 1):
            if isinstance(step, Rule):
                answered = step.requests
                words, near = f"a request answered by {step.label}", None
                at = next((at for at in range(start, len(requests)) if requests[at] in answered), None)
            else:
                near = Wanted({**common, **step})
                words = near.words()
                at = next((at for at in range(start, len(requests)) if near.fits(requests[at])), None)
            if at is None:
                after = f" after request {requests[start - 1].number}" if start else ""
                rest = requests[start:]
                shown = near.nearest(rest) if near is not None else []
                _fail(f"expected {words}{after}, as {number} of {len(steps)} in order", shown, _others(requests))
            found.append(requests[at])
            start = at + 1
        return Requests(found)

    def _tell_late(self, wanted: Wanted, n: int, timeout: float, ended: bool, hint: str) -> NoReturn:
        __tracebackhide__ = True
        requests = self._received()
        came, due = len(wanted.among(requests)), len(_due(wanted, requests, ended))
        state = f"{due} of {came} ended" if came > due else f"{due} came"
        lines = [*wanted.nearest(each for each in requests if not wanted.fits(each)), *_others(requests)]
        _fail(f"waited {timeout:g} s for {wanted.words(n)}; {state}", lines, [f"  {hint}"] if hint else [])


def _due(wanted: Wanted, requests: Requests, ended: bool) -> Requests:
    return Requests(each for each in wanted.among(requests) if not ended or each.ended is not None)


def _others(requests: Requests) -> list[str]:
    return ["  requests of this session:", *(f"  {line}" for line in listed(requests))] if requests else []


def _number(counts: Any, name: str) -> int:
    found = counts.get(name) if isinstance(counts, Mapping) else None
    return found if isinstance(found, int) else 0


def _blocks_a_loop() -> str:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ""
    return "an event loop runs on this thread and was blocked meanwhile: `await mockserver.wait_for_async(...)` instead"


def _fail(message: str, *parts: Sequence[str]) -> NoReturn:
    __tracebackhide__ = True
    raise AssertionError("\n".join([message, *(line for part in parts for line in part)]))
