"""The protocol browser at the real sockets: two processes, the management surface, and the command line."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any
from urllib.parse import quote

import pytest

from connector.cli.main import main
from connector.exchange.trace.events import WORKS
from connector.exchange.trace.recorder import REFUSED_KINDS
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.nasty import NastyPeer, nasty_peer
from tests.testkit.patience import PATIENCE_S

BASE = "/api/v1/participants"


@pytest.fixture
async def nasty(space: Space) -> AsyncIterator[NastyPeer]:
    async with nasty_peer(space) as peer:
        yield peer


@pytest.fixture
async def here(space: Space, nasty: NastyPeer) -> City:
    return await space.city("here", {"musterstadt": MUNICIPALITY, "drittdorf": MUNICIPALITY})


async def trace(city: City, slug: str, pid: str, **query: str) -> Any:
    return await city.api.get(f"{BASE}/{slug}/trace/{quote(pid, safe='')}", **query)


async def hanse(city: City, *words: str) -> tuple[int, str, str]:
    """What the command line says; it blocks, so it runs beside the loop that serves it."""
    told, noted = io.StringIO(), io.StringIO()

    def run() -> int:
        with redirect_stdout(told), redirect_stderr(noted):
            return main([*words, "--data", str(city.settings.folder)], {})

    code = await asyncio.to_thread(run)
    return code, told.getvalue(), noted.getvalue()


async def answered(city: City, slug: str, pid: str, times: int) -> Any:
    """The trace once so many answers are booked: a peer may be done before it has heard that we are."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await trace(city, slug, pid)
            if [event["event"] for event in told["events"]].count("answer") >= times:
                return told
            await asyncio.sleep(0.05)


@pytest.mark.threat("T39")
async def test_a_whole_exchange_reads_from_both_sides(space: Space, here: City) -> None:
    """Negotiated and fetched between two processes; API and command line tell it, and only to whom it belongs."""
    there = await space.city("there", {"nachbardorf": MUNICIPALITY})
    await space.reload(here, there)
    made = await here.publish("musterstadt")
    signed = await there.negotiate("nachbardorf", here.did("musterstadt"), made["dataset"])
    fetched = await there.fetch("nachbardorf", signed["agreement"])
    assert fetched["outcome"] == "received", fetched

    told = await answered(here, "musterstadt", signed["id"], 2)
    assert told["process"]["counterparty"] == there.did("nachbardorf")
    assert told["diagnosis"][0]["code"] == "over-finalized"
    happened = [event["event"] for event in told["events"]]
    assert [happened.count(what) for what in ("heard", "said", "answer")] == [2, 2, 2], happened
    assert all(event["text"]["de"] and event["text"]["en"] for event in told["events"])
    with pytest.raises(Refused) as refused:
        await trace(here, "drittdorf", signed["id"])
    assert refused.value.status == 404

    page = await trace(here, "musterstadt", signed["id"], after="2", limit="3")
    assert (page["events"], page["next"]) == (told["events"][2:5], 5)
    for wrong in ({"after": "-1"}, {"limit": "x"}, {"limit": "9" * 30}):
        with pytest.raises(Refused):
            await trace(here, "musterstadt", signed["id"], **wrong)

    code, text, _ = await hanse(there, "trace", fetched["id"], "--as", "nachbardorf", "--lang", "en", "--check")
    assert code == 0
    assert "Transfer " + fetched["id"] in text
    assert "TransferStartMessage received and taken" in text
    assert "8 bytes received completely" in text
    assert text.count("Reachable from here:") == 2
    assert "This is our own view" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    code, text, _ = await hanse(here, "trace", signed["agreement"], "--as", "musterstadt", "--json", "--lang", "de")
    assert json.loads(text)["process"]["noun"] == "negotiation"
    code, _, noted = await hanse(here, "trace", "urn:uuid:nichts", "--as", "musterstadt", "--lang", "de")
    assert (code, "nichts bekannt" in noted) == (1, True)
    _, text, _ = await hanse(here, "doctor", "--lang", "de")
    assert f"{here.root('musterstadt')}/.well-known/dspace-version ist von hier erreichbar" in text


async def test_a_peer_that_is_gone_is_named_as_the_cause(space: Space, here: City) -> None:
    """>> request, the provider has just been switched off >> tries, next time, and what to do; exit code 4."""
    async with space.running("there", {"nachbardorf": MUNICIPALITY}) as there:
        await space.reload(here, there)
        made = await there.publish("nachbardorf")
        partner = await here.services.peer.partner("musterstadt", there.did("nachbardorf"))
        entry = await here.services.peer.dataset("musterstadt", partner.did, made["dataset"])
    case = await here.services.infra.db.write(
        "musterstadt",
        here.services.contracts.service.request,
        "musterstadt",
        partner,
        made["dataset"],
        entry["hasPolicy"][0],
        None,
        None,
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await trace(here, "musterstadt", case.id)
            if told["diagnosis"][0]["code"] in ("no-answer", "circuit-open"):
                break
            await asyncio.sleep(0.05)
    assert told["diagnosis"][0]["waits"] == "reach"
    code, text, _ = await hanse(here, "trace", case.id, "--as", "musterstadt", "--lang", "de", "--check")
    assert code == 4
    assert "Ursache: REQUEST ist seit" in text
    assert "Nicht von hier" in text or "Von hier nicht erreichbar" in text


@pytest.mark.threat("T40")
async def test_what_we_refuse_before_its_transaction_is_told_too(here: City, nasty: NastyPeer) -> None:
    """>> no JSON, a message without its parts, a foreign callback, a token in the text >> why, where, and no secret."""
    made = await here.publish("musterstadt")
    offer = await nasty.offer(here, "musterstadt", made["dataset"])
    path = "/2025-1/negotiations/request"
    asked = nasty.contract_request(offer)
    secret = nasty.token(here.did("musterstadt"))
    bad = {**asked, "callbackAddress": "https://elsewhere.example/x", "note": f"Bearer {secret}", "text": "a\nb"}
    assert (await nasty.post(here, "musterstadt", path, bad)).status == 400
    pid = str(asked["consumerPid"])
    told = await trace(here, "musterstadt", pid)
    assert told["diagnosis"][0]["code"] == "never-began"
    (event,) = told["events"]
    assert (event["code"], event["event"]) == ("peer.callback", "refused")
    assert secret not in json.dumps(told)
    assert "[hidden]" in event["body"]

    assert (await nasty.post(here, "musterstadt", path, asked)).status == 201
    started = await trace(here, "musterstadt", pid)
    ours = started["process"]["id"]
    for number in range(2 * REFUSED_KINDS):
        broken = nasty.message("ContractAgreementVerificationMessage", providerPid=ours, consumerPid=[number])
        where = f"/2025-1/negotiations/{ours}/agreement/verification"
        assert (await nasty.post(here, "musterstadt", where, broken)).status == 400
    told = await trace(here, "musterstadt", ours)
    refused = [event for event in told["events"] if event["event"] == "refused-at"]
    assert len(refused) <= REFUSED_KINDS
    assert sum(event["times"] for event in refused) == 2 * REFUSED_KINDS
    assert refused[0]["detail"].startswith("/consumerPid")
    code, text, _ = await hanse(here, "trace", ours, "--as", "musterstadt", "--lang", "en")
    assert code == 2
    assert "\x1b" not in text
    assert "/consumerPid" in text


async def test_every_kind_of_work_has_a_stream_that_the_transcript_reads(here: City) -> None:
    """A new kind of errand must be readable; its name stands in the catalogues. Mails and mandates are no process."""
    assert set(here.services.schedule.worker._handlers) - {"message", "mail", "mandate-seal"} <= set(WORKS)
