"""The door for late countersignatures: only the partner's, only a compact JWS, bounded, paced (threat T46)."""

from typing import Any

import pytest
import pytest_asyncio

from connector.surfaces.peer.evidence.objects import LONGEST_SEAL
from tests.surfaces.peer import one_city
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer, Reply

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.threat("T46")]
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space


async def handed_in(
    peer: NastyPeer, city: City, agreement: str, body: bytes, media: str = "application/jose", **claims: Any
) -> Reply:
    """>> a countersignature of that agreement."""
    url = f"{city.root('musterstadt')}/evidence/{agreement.removeprefix('urn:uuid:')}/countersignature"
    token = peer.token(city.did("musterstadt"), **claims)
    return await peer.call("POST", url, body, token=token, Content_Type=media)


@pytest_asyncio.fixture(loop_scope="module")
async def agreed(nasty: NastyPeer, it: City, made: dict[str, Any]) -> str:
    """Nasty has verified without a seal: one-sided, and a late one is still taken."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    request = nasty.contract_request(offer)
    answer = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", request)
    pid = answer.json["providerPid"]
    heard = (await nasty.heard("/agreement")).json
    pids = {"providerPid": pid, "consumerPid": request["consumerPid"]}
    verification = nasty.message("ContractAgreementVerificationMessage", **pids)
    path = f"/2025-1/negotiations/{pid}/agreement/verification"
    assert (await nasty.post(it, "musterstadt", path, verification)).status == 200
    await nasty.heard("/events")
    return str(heard["agreement"]["@id"])


async def test_what_does_not_hold_is_refused_and_shown_as_missing(nasty: NastyPeer, it: City, agreed: str) -> None:
    """>> no JWS, another form, bytes << 400 with the reason; the agreement is one-sided as before."""
    for body in (b"", b"a..b", b"\xff\xfe", b'{"payload":""}', b"." * 1000):
        answer = await handed_in(nasty, it, agreed, body)
        assert (answer.status, answer.json["code"]) == (400, "contracts.countersignature-invalid"), body
    shown = await it.api.get(f"/api/v1/participants/musterstadt/agreements/{agreed.removeprefix('urn:uuid:')}")
    assert (shown["state"], shown["signed"]["consumer"], shown["verified"]) == ("one-sided", False, True)


async def test_form_and_size_are_looked_at_first(nasty: NastyPeer, it: City, agreed: str) -> None:
    """>> JSON, a huge body << 415, 413, and nothing is checked."""
    assert (await handed_in(nasty, it, agreed, b"{}", "application/json")).status == 415
    assert (await handed_in(nasty, it, agreed, b"x" * (LONGEST_SEAL + 1))).status == 413


async def test_without_a_right_token_there_is_no_door(nasty: NastyPeer, it: City, agreed: str) -> None:
    """>> no token, another's audience, one used before << 401."""
    url = f"{it.root('musterstadt')}/evidence/{agreed.removeprefix('urn:uuid:')}/countersignature"
    assert (await nasty.call("POST", url, b"a..b", Content_Type="application/jose")).status == 401
    assert (await handed_in(nasty, it, agreed, b"a..b", aud=it.did("nachbardorf"))).status == 401
    assert (await handed_in(nasty, it, agreed, b"a..b", jti="once")).status == 400
    assert (await handed_in(nasty, it, agreed, b"a..b", jti="once")).status == 401


async def test_others_agreements_are_not_there(nasty: NastyPeer, it: City, made: dict[str, Any]) -> None:
    """>> a neighbour's agreement, and one that is none << the same 404."""
    signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    answers = [await handed_in(nasty, it, name, b"a..b") for name in (signed["agreement"], "urn:uuid:none", "..%2f..")]
    assert {answer.status for answer in answers} == {404}


async def test_who_tries_without_end_is_slowed_down(nasty: NastyPeer, it: City, agreed: str) -> None:
    """>> twenty wrong ones << the first ten are checked, then 429."""
    statuses = [(await handed_in(nasty, it, agreed, b"a..b")).status for _ in range(20)]
    assert statuses[:10] == [400] * 10
    assert 429 in statuses[10:]
