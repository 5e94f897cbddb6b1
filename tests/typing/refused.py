"""Mistakes that the type checker must refuse: an ignore that nothing needs is itself an error. Nobody runs this."""

from __future__ import annotations

import mockserver
from mockserver import (
    MockServer,
    Timing,
    contains,
    cut,
    error,
    function_call,
    http,
    image_generation_call,
    item,
    message,
    text,
)
from mockserver.building import Conditions, Draft, answer, conditions
from mockserver.testing.asked import AskedRequest

# Misspelt names

conditions(modle="gpt-5")  # type: ignore[call-arg]
conditions(any_of=[{"modle": "gpt-5"}])  # type: ignore[typeddict-unknown-key]
conditions(not_={"modle": "gpt-5"})  # type: ignore[typeddict-unknown-key]
answer("hi", tming=Timing(every=0.1))  # type: ignore[call-arg]
Timing(frist=0.1)  # type: ignore[call-arg]
error("server_error", retry_afetr=1)  # type: ignore[call-arg]
function_call("f", {}, callid="c")  # type: ignore[call-arg]
message(txt="hi")  # type: ignore[call-arg]
cut(after={"delta": 3})  # type: ignore[arg-type]
Draft({}, [], prioritty=2)  # type: ignore[call-arg]
mockserver.contians("a")  # type: ignore[attr-defined]
kept: Conditions = {"modle": "a"}  # type: ignore[typeddict-unknown-key]


def with_a_server(mockserver: MockServer) -> None:
    mockserver.when(imput="hi").reply("hi")  # type: ignore[call-arg]
    mockserver.when().reply("hi", optinal=True)  # type: ignore[call-arg]
    mockserver.when().replay("hi")  # type: ignore[attr-defined]
    mockserver.when().reply("hi").then("ok", tims=2)  # type: ignore[call-arg]
    mockserver.contians("a")  # type: ignore[attr-defined]
    mockserver.when().reply(mockserver.contains("a"))  # type: ignore[arg-type]
    mockserver.otherwise(4)  # type: ignore[arg-type]


MockServer(spede=1)  # type: ignore[call-arg]

# Values of the wrong type

conditions(stream="yes")  # type: ignore[arg-type]
conditions(headers="x-a")  # type: ignore[arg-type]
conditions(any_of={"model": "a"})  # type: ignore[arg-type]
answer(3)  # type: ignore[arg-type]
answer(contains("rain"))  # type: ignore[arg-type]
answer("hi", times="2")  # type: ignore[arg-type]
answer("half", failed={"after": "3"})  # type: ignore[arg-type]
answer("half", incomplete="tired")  # type: ignore[arg-type]
answer("hi", faults=[Timing(first=1)])  # type: ignore[list-item]
answer(lambda request: 3)  # type: ignore[arg-type, return-value]
answer(lambda request: request.imput_text)  # type: ignore[attr-defined]
Timing(first="soon")  # type: ignore[arg-type]
Timing(chunk="letter")  # type: ignore[arg-type]
http("200")  # type: ignore[arg-type]
contains(3)  # type: ignore[arg-type]
text(None)  # type: ignore[arg-type]
item()  # type: ignore[call-arg]
image_generation_call(quality="best")  # type: ignore[arg-type]
Draft({}, [answer("hi")], exhausted="never")  # type: ignore[arg-type]


async def late(request: AskedRequest) -> str:
    return "too late"


answer(late)  # type: ignore[arg-type]


# What is asked of a server


def asking(mockserver: MockServer) -> None:
    mockserver.when().reply(3)  # type: ignore[arg-type]
    mockserver.when().reply("hi").them("ok")  # type: ignore[attr-defined]
    mockserver.otherwise("hi", exhausted="never")  # type: ignore[arg-type]
    mockserver.assert_called(in_order=["hi"])  # type: ignore[list-item]
    mockserver.wait_for("2")  # type: ignore[arg-type]
    mockserver.last_request.model = "gpt-4"  # type: ignore[misc]
    mockserver.last_request.imput_text.upper()  # type: ignore[attr-defined]
    mockserver.clock.advance("5s")  # type: ignore[arg-type]
    MockServer(sped=1)  # type: ignore[call-arg]
    MockServer(validate="maybe")  # type: ignore[arg-type]
