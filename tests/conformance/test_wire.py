"""The small kit has the manners of the official one, and would notice a connector that has not."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conformance.process import KIT, USE, NegotiationPlay, Process, TransferPlay
from tests.conformance.wire import CONTEXT, NOBODY, Callbacks, Client, HangUp, Reply, Silence


@pytest.fixture
async def callbacks() -> AsyncIterator[Callbacks]:
    made = Callbacks()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def test_a_handler_answers_once_and_nobody_else_does(
    callbacks: Callbacks, session: aiohttp.ClientSession
) -> None:
    """404 with a body and without Content-Type before and after; 200 with an empty body, in chunks, between."""
    seen = []
    for _ in range(3):
        async with session.post(f"{callbacks.url}/a/", data=b"{}") as answer:
            seen.append((answer.status, answer.headers.get("Content-Type"), await answer.read()))
        if len(seen) == 1:
            callbacks.once("/a", lambda message: Reply(200))
    assert seen == [(404, None, NOBODY), (200, None, b""), (404, None, NOBODY)]
    assert callbacks.unheard == ["POST /a", "POST /a"]


async def test_an_answer_with_a_body_has_no_content_type_either(
    callbacks: Callbacks, session: aiohttp.ClientSession
) -> None:
    callbacks.once("/a", lambda message: Reply(200, {"heard": message}))
    async with session.post(f"{callbacks.url}/a", data=b'{"b":1}') as answer:
        assert answer.headers.get("Content-Type") is None
        assert json.loads(await answer.read()) == {"heard": {"b": 1}}


async def test_what_is_invalid_gets_no_answer_and_what_is_misplaced_is_hung_up_on(
    callbacks: Callbacks, session: aiohttp.ClientSession
) -> None:
    def raising(error: type[Exception]) -> Any:
        def handler(message: dict[str, Any]) -> Reply:
            raise error

        return handler

    callbacks.once("/silence", raising(Silence))
    callbacks.once("/hang-up", raising(HangUp))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), session.post(f"{callbacks.url}/silence", data=b"{}"):
            pass
    with pytest.raises(aiohttp.ServerDisconnectedError):
        async with session.post(f"{callbacks.url}/hang-up", data=b"{}"):
            pass


@pytest.fixture
async def answering() -> AsyncIterator[Any]:
    """A connector that gives the answers of a list, one after the other."""
    statuses: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({}, status=statuses.pop(0))

    app = web.Application()
    app.router.add_route("*", "/", answer)
    async with TestServer(app) as server:
        yield SimpleNamespace(url=str(server.make_url("/")), statuses=statuses)


@pytest.mark.parametrize(
    ("statuses", "left", "fails"),
    [
        ([201], 0, ""),
        ([400, 409, 200], 0, ""),
        ([400, 400, 400, 200], 1, "400 three times"),
        ([404, 200], 1, "unexpected 404"),
        ([500, 200], 1, "unexpected 500"),
        ([400, 503, 200], 1, "unexpected 503"),
    ],
)
async def test_a_message_is_tried_three_times_but_404_and_5xx_are_final(
    statuses: list[int],
    left: int,
    fails: str,
    answering: Any,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.conformance.wire.RETRIES", (0.0, 0.0))
    answering.statuses += statuses
    try:
        await Client(session).post(answering.url, {})
        said = ""
    except AssertionError as error:
        said = str(error)
    assert said.startswith(fails)
    assert bool(said) == bool(fails)
    assert len(answering.statuses) == left


@pytest.mark.parametrize(("status", "fails"), [(400, False), (409, False), (404, True), (500, True), (200, True)])
async def test_a_refusal_is_4xx_but_not_404(
    status: int, fails: bool, answering: Any, session: aiohttp.ClientSession
) -> None:
    answering.statuses.append(status)
    try:
        await Client(session).refused(answering.url, {})
        failed = False
    except AssertionError:
        failed = True
    assert failed == fails


# What it would notice

TARGET: Any = SimpleNamespace(base="http://localhost:1", did="did:web:us", negotiation_trigger="", transfer_trigger="")
GOOD = {"@context": [CONTEXT], "@id": "1", "consumerPid": "c", "providerPid": "p"}
AGREEMENT = {
    "@id": "a",
    "@type": "Agreement",
    "target": "ACN0104",
    "permission": USE,
    "assigner": "did:web:us",
    "assignee": KIT,
    "timestamp": "2026-01-01T00:00:00Z",
}
AGREE = {**GOOD, "@type": "ContractAgreementMessage", "agreement": AGREEMENT}
START = {**GOOD, "@type": "TransferStartMessage"}


def playing(play: type[Process], state: str) -> Process:
    """A process of the kit in the middle of a case."""
    made = play(TARGET, Callbacks(), Client(None), "ACN0104", "consumer")  # type: ignore[arg-type]
    made.pids = {"consumer": "c", "provider": "p"}
    made.state = state
    return made


async def test_what_fits_moves_it() -> None:
    process = playing(NegotiationPlay, "REQUESTED")
    assert process._heard("agree", AGREE) == Reply(200)
    assert (process.state, process.wrong) == ("AGREED", [])


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ({**AGREE, "@context": CONTEXT}, "no official @context"),
        ({**AGREE, "@type": ["ContractAgreementMessage"]}, "instead of ContractAgreementMessage"),
        ({**AGREE, "consumerPid": "another"}, "consumerPid is another"),
        ({key: value for key, value in AGREE.items() if key != "providerPid"}, "providerPid is None"),
        ({**AGREE, "agreement": {**AGREEMENT, "target": "ACN0101"}}, "not it"),
        ({**AGREE, "agreement": {**AGREEMENT, "assignee": "did:web:us"}}, "parties"),
        ({**AGREE, "agreement": {**AGREEMENT, "timestamp": "yesterday"}}, "no timestamp"),
    ],
)
async def test_what_is_invalid_fails_the_case(message: dict[str, Any], wrong: str) -> None:
    process = playing(NegotiationPlay, "REQUESTED")
    with pytest.raises(Silence):
        process._heard("agree", message)
    assert wrong in process.wrong[0]
    with pytest.raises(AssertionError):
        await process.reaches("AGREED")


async def test_what_is_out_of_place_moves_nothing() -> None:
    """A negotiation hangs up; a transfer says 409."""
    process = playing(NegotiationPlay, "OFFERED")
    with pytest.raises(HangUp):
        process._heard("agree", AGREE)
    assert process.state == "OFFERED"
    transfer = playing(TransferPlay, "TERMINATED")
    assert transfer._heard("start", START).status == 409
    assert transfer.state == "TERMINATED"


async def test_a_case_that_waits_in_vain_says_what_nobody_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.process.PATIENCE_S", 0.05)
    process = playing(NegotiationPlay, "REQUESTED")
    process.callbacks.unheard.append("POST /negotiations/c/offers")
    with pytest.raises(AssertionError, match=r"timeout waiting for OFFERED; still REQUESTED; .*offers"):
        await process.await_("offer")
