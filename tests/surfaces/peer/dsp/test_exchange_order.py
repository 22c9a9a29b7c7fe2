"""Messages doubled, late or out of order, at the real sockets (T33): one step each, never two, nothing lost."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from connector.exchange.contracts.negotiation import service
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import HANSE
from tests.surfaces.peer import one_city
from tests.testkit.cities import PURPOSE, City
from tests.testkit.nasty import NastyPeer, Received

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

NEGOTIATE = "/2025-1/negotiations/request"


def counts(tx: Tx, did: str) -> dict[str, int]:
    """Rows that exist once per contract, of those with that peer."""
    of_it = "SELECT count(*) AS n FROM {} WHERE counterparty = :did"
    found = {name: tx.one(of_it.format(name), did=did) for name in ("negotiation", "agreement", "transfer")}
    return {name: int(row["n"]) for name, row in found.items() if row is not None}


def unanswered(tx: Tx, did: str) -> bool:
    """Whether a FINALIZE to that peer still has no answer."""
    waiting = "SELECT 1 FROM negotiation WHERE counterparty = :did AND state = 'FINALIZED' AND settled = 0"
    return tx.one(waiting, did=did) is not None


async def agreed(it: City, nasty: NastyPeer, made: dict[str, Any]) -> tuple[dict[str, Any], Received]:
    """A negotiation of the nasty peer that stands at AGREED: our request and the agreement that came."""
    asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    reply = await nasty.post(it, "musterstadt", NEGOTIATE, asked)
    assert reply.status == 201, reply.body
    return reply.json, await nasty.heard("/agreement")


def about(started: dict[str, Any]) -> dict[str, str]:
    """Both pids of a negotiation."""
    return {name: started[name] for name in ("providerPid", "consumerPid")}


async def finalized(it: City, nasty: NastyPeer, made: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A one-sided contract of the nasty peer: the negotiation and the agreement's id."""
    started, agreement = await agreed(it, nasty, made)
    path = f"/2025-1/negotiations/{started['providerPid']}"
    verification = nasty.message("ContractAgreementVerificationMessage", **about(started))
    assert (await nasty.post(it, "musterstadt", f"{path}/agreement/verification", verification)).status == 200
    await nasty.heard("/events")
    return started, agreement.json["agreement"]["@id"]


@pytest.mark.threat("T33")
async def test_twenty_equal_requests_at_once_are_one_negotiation(
    it: City, nasty: NastyPeer, made: dict[str, Any]
) -> None:
    """>> the same first request twenty times in parallel << 201 once, 200 for the rest, one agreement."""
    asked = nasty.contract_request(await nasty.offer(it, "musterstadt", made["dataset"]))
    replies = await asyncio.gather(*(nasty.post(it, "musterstadt", NEGOTIATE, asked) for _ in range(20)))
    assert Counter(reply.status for reply in replies) == {201: 1, 200: 19}
    assert len({reply.json["providerPid"] for reply in replies}) == 1
    await nasty.heard("/agreement")
    assert await it.services.infra.db.read("", counts, nasty.did) == {"negotiation": 1, "agreement": 1, "transfer": 0}


@pytest.mark.threat("T33")
async def test_twenty_equal_verifications_at_once_are_one(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the same verification twenty times << 200 each, and one FINALIZED event comes back."""
    started, _ = await agreed(it, nasty, made)
    told = nasty.message("ContractAgreementVerificationMessage", **about(started))
    path = f"/2025-1/negotiations/{started['providerPid']}/agreement/verification"
    replies = await asyncio.gather(*(nasty.post(it, "musterstadt", path, told) for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    await nasty.heard("/events")
    await asyncio.sleep(0.1)
    assert len([one for one in nasty.inbox if one.path.endswith("/events")]) == 1


@pytest.mark.threat("T33")
async def test_twenty_different_verifications_at_once_are_one(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> twenty verifications with ids of their own << one is taken; the others repeat it, or come after the end."""
    started, _ = await agreed(it, nasty, made)
    path = f"/2025-1/negotiations/{started['providerPid']}/agreement/verification"
    told = [nasty.message("ContractAgreementVerificationMessage", **about(started)) for _ in range(20)]
    replies = await asyncio.gather(*(nasty.post(it, "musterstadt", path, one) for one in told))
    answers = Counter(reply.status for reply in replies)
    assert set(answers) <= {200, 400}
    assert answers[200] >= 1
    await nasty.heard("/events")
    await asyncio.sleep(0.1)
    assert len([one for one in nasty.inbox if one.path.endswith("/events")]) == 1


@pytest.mark.threat("T33")
async def test_steps_out_of_order_change_nothing(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> every message that is not due at AGREED, and all after the end << 400 with both pids, state as before."""
    started, agreement = await agreed(it, nasty, made)
    pid = started["providerPid"]
    base = f"/2025-1/negotiations/{pid}"
    early = {
        f"{base}/events": nasty.message("ContractNegotiationEventMessage", **about(started), eventType="FINALIZED"),
        f"{base}/agreement": nasty.message(
            "ContractAgreementMessage", **about(started), agreement=agreement.json["agreement"]
        ),
    }
    accepted = nasty.message("ContractNegotiationEventMessage", **about(started), eventType="ACCEPTED")
    for path, told in [*early.items(), (f"{base}/events", accepted)]:
        reply = await nasty.post(it, "musterstadt", path, told)
        assert reply.status == 400, path
        assert about(reply.json) == about(started)
    assert (await nasty.get(it, "musterstadt", base)).json["state"] == "AGREED"
    ending = nasty.message("ContractNegotiationTerminationMessage", **about(started), reason=["Schluss.", "Over."])
    assert (await nasty.post(it, "musterstadt", f"{base}/termination", ending)).status == 200
    assert (await nasty.post(it, "musterstadt", f"{base}/termination", ending)).status == 200
    again = nasty.message("ContractNegotiationTerminationMessage", **about(started))
    late = nasty.message("ContractAgreementVerificationMessage", **about(started))
    for path, told in [(f"{base}/termination", again), (f"{base}/agreement/verification", late), *early.items()]:
        assert (await nasty.post(it, "musterstadt", path, told)).status == 400, path
    assert (await nasty.get(it, "musterstadt", base)).json["state"] == "TERMINATED"


@pytest.mark.threat("T33")
async def test_the_pids_must_fit_the_address(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a verification for one negotiation under the address of another, or with foreign pids << 400, both stay."""
    first, _ = await agreed(it, nasty, made)
    nasty.inbox.clear()
    second, _ = await agreed(it, nasty, made)
    path = f"/2025-1/negotiations/{first['providerPid']}/agreement/verification"
    for pids in (
        about(second),
        {**about(first), "providerPid": second["providerPid"]},
        {**about(first), "consumerPid": second["consumerPid"]},
        {**about(first), "consumerPid": "urn:uuid:invented"},
    ):
        told = nasty.message("ContractAgreementVerificationMessage", **pids)
        assert (await nasty.post(it, "musterstadt", path, told)).status == 400, pids
    for one in (first, second):
        shown = await nasty.get(it, "musterstadt", f"/2025-1/negotiations/{one['providerPid']}")
        assert shown.json["state"] == "AGREED"


@pytest.mark.threat("T33")
async def test_one_message_id_with_other_content_is_refused(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the id of the verification again, now on something else << 400, not taken for the repetition, once our
    FINALIZE has its answer; before that any second verification says nothing new (`divergences.md`)."""
    started, _ = await agreed(it, nasty, made)
    base = f"/2025-1/negotiations/{started['providerPid']}"
    told = nasty.message("ContractAgreementVerificationMessage", **about(started))
    path = f"{base}/agreement/verification"
    assert (await nasty.post(it, "musterstadt", path, told)).status == 200
    await nasty.heard("/events")
    while await it.services.infra.db.read("", unanswered, nasty.did):
        await asyncio.sleep(0.01)
    other = {**told, f"{HANSE}agreementSignature": "a.b.c"}
    assert (await nasty.post(it, "musterstadt", path, other)).status == 400
    assert (await nasty.post(it, "musterstadt", path, told)).status == 200
    assert (await nasty.get(it, "musterstadt", base)).json["state"] == "FINALIZED"


@pytest.mark.threat("T33")
async def test_twenty_equal_transfer_requests_are_one(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> the same transfer request twenty times in parallel << one process, one start message with one token."""
    _, agreement = await finalized(it, nasty, made)
    asked = nasty.message(
        "TransferRequestMessage",
        consumerPid="urn:uuid:t",
        agreementId=agreement,
        format="HttpData-PULL",
        callbackAddress=nasty.base,
        **{"https://w3id.org/hanse/v1#purpose": PURPOSE},
    )
    path = "/2025-1/transfers/request"
    replies = await asyncio.gather(*(nasty.post(it, "musterstadt", path, asked) for _ in range(20)))
    assert {reply.status for reply in replies} <= {200, 201}
    assert len({reply.json["providerPid"] for reply in replies}) == 1
    await nasty.heard("/start")
    await asyncio.sleep(0.1)
    assert len([one for one in nasty.inbox if one.path.endswith("/start")]) == 1
    assert (await it.services.infra.db.read("", counts, nasty.did))["transfer"] == 1


@pytest.mark.threat("T36")
async def test_a_peer_has_a_quota_of_open_negotiations(
    it: City, nasty: NastyPeer, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> more open negotiations than one peer may have << 400 in words; others are not held up; ended ones free it."""
    monkeypatch.setattr(service, "QUOTA", 3)
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    started = [await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer)) for _ in range(5)]
    assert [reply.status for reply in started] == [201, 201, 201, 400, 400]
    assert "3" in started[-1].json["reason"][0]
    other = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    assert other["state"] == "FINALIZED"
    first = started[0].json
    await nasty.heard("/agreement")
    ending = nasty.message("ContractNegotiationTerminationMessage", **about(first))
    path = f"/2025-1/negotiations/{first['providerPid']}/termination"
    assert (await nasty.post(it, "musterstadt", path, ending)).status == 200
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, nasty.contract_request(offer))).status == 201
