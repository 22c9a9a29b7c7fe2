"""The door for statements of an end on a running city: what comes in, what is refused, what people see (threat T47)."""

import asyncio
from typing import Any

import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.termination import statement as ending
from connector.surfaces.peer.evidence.terminations import LIMIT
from connector.verify.bundle import verify_bundle
from tests.surfaces.peer import one_city
from tests.testkit.cities import City, Refused, Space
from tests.testkit.nasty import NastyPeer
from tests.testkit.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")
it, made, nasty, space = one_city.it, one_city.made, one_city.nasty, one_city.space

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


async def concluded(it: City, made: dict[str, Any]) -> str:
    """A finalized agreement between the two towns."""
    signed = await it.negotiate(CONSUMER, it.did(PROVIDER), made["dataset"])
    assert signed["state"] == "FINALIZED", signed
    return str(signed["agreement"])


async def life(it: City, slug: str, agreement: str) -> dict[str, Any]:
    found: dict[str, Any] = await it.api.get(f"/api/v1/participants/{slug}/agreements/{agreement[9:]}/life")
    return found


async def until_ended(it: City, slug: str, agreement: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while (found := await life(it, slug, agreement))["state"] != "ended":
            await asyncio.sleep(0.05)
    return found


async def test_an_end_is_stated_delivered_and_shown_on_both_sides(it: City, made: Any, space: Space) -> None:
    """>> end, with a reason in German << both sides show it; a transfer is refused in words; the evidence stays."""
    agreement = await concluded(it, made)
    path = f"/api/v1/participants/{CONSUMER}/agreements/{agreement[9:]}"
    told = await it.api.post(f"{path}/end", {"reason": "Wir brauchen die Daten nicht mehr."})
    assert told["state"] == "ended"
    theirs = await until_ended(it, PROVIDER, agreement)
    [statement] = theirs["endings"]
    assert statement["reason"] == dict.fromkeys(("de", "en"), "Wir brauchen die Daten nicht mehr.")
    assert (statement["by"], statement["ours"], statement["answer"]) == ("consumer", False, "theirs")
    async with asyncio.timeout(PATIENCE_S):
        while (await life(it, CONSUMER, agreement))["endings"][0]["answer"] != "delivered":
            await asyncio.sleep(0.05)
    with pytest.raises(Refused) as refused:
        await it.api.post(f"/api/v1/participants/{CONSUMER}/transfers", {"agreement": agreement})
    assert refused.value.status == 404
    assert "ist beendet" in refused.value.problem["reason"]["de"]
    report = verify_bundle(await it.api.get(f"{path}/evidence"), space.roots, "de")
    assert report.holds_apart_from_time, report.reason
    assert "consumer-ending" in [check.name for check in report.checks]
    with pytest.raises(Refused) as again:
        await it.api.post(f"{path}/end", {"reason": "Noch einmal."})
    assert again.value.problem["code"] == "endings.not-in-force"


async def test_notice_is_given_to_a_day(it: City, made: dict[str, Any]) -> None:
    agreement = await concluded(it, made)
    path = f"/api/v1/participants/{PROVIDER}/agreements/{agreement[9:]}/end"
    with pytest.raises(Refused) as past:
        await it.api.post(path, {"reason": "Ende.", "notice": "01.01.2020"})
    assert past.value.problem["code"] == "endings.notice"
    told = await it.api.post(path, {"reason": "Ende.", "reason_en": "End.", "notice": "2040-01-31"})
    assert (told["state"], told["endings"][0]["effective"]) == ("finalized", "2040-01-31T22:59:59Z")
    sooner = await it.api.post(path, {"reason": "Doch früher.", "notice": "2039-01-31"})
    assert "2039-01-31T22:59:59Z" in [one["effective"] for one in sooner["endings"]]
    with pytest.raises(Refused) as later:
        await it.api.post(path, {"reason": "Doch später.", "notice": "2041-01-31"})
    assert later.value.problem["code"] == "endings.no-sooner"


def statement(it: City, nasty: NastyPeer, agreement: str, **bent: Any) -> dict[str, Any]:
    """What the nasty peer seals with its own key about an agreement of others."""
    root = it.root(PROVIDER)
    body = {
        "v": 1,
        "kind": "termination",
        "agreement": "0" * 64,
        "by": "consumer",
        "notice": None,
        "reason": {"de": ["a"], "en": ["b"]},
        "at": "2026-11-24T20:00:03Z",
        **bent,
    }
    data = sealing.canonical(body)
    references = ending.references(b"{}", agreement, root, data)
    return {"statement": body, "jws": sealing.sign(references, nasty.seal, nasty.chain(), 1_795_000_000)}


@pytest.mark.threat("T47")
async def test_the_door_does_not_exist_for_others(it: City, made: dict[str, Any], nasty: NastyPeer) -> None:
    """>> a member that is no party, with a valid seal of its own << 404 in the words for what is not there."""
    agreement = await concluded(it, made)
    body = statement(it, nasty, agreement)
    there = await nasty.post(it, PROVIDER, f"/evidence/{agreement[9:]}/termination", body)
    nowhere = await nasty.post(it, PROVIDER, "/evidence/00000000-0000-0000-0000-000000000000/termination", body)
    assert (there.status, nowhere.status) == (404, 404)
    assert there.json["code"] == nowhere.json["code"]
    assert (await life(it, PROVIDER, agreement))["endings"] == []


@pytest.mark.threat("T47")
async def test_what_is_no_statement_gets_no_further(it: City, nasty: NastyPeer) -> None:
    """>> forms that are none, a body too large, no token, too often << 4xx, and nothing is stored."""
    path = "/evidence/00000000-0000-0000-0000-000000000000/termination"
    for body in ({}, [], {"statement": {}, "jws": "a"}, {"statement": "x", "jws": "a..b"}):
        answer = await nasty.post(it, PROVIDER, path, body)
        assert (answer.status, answer.json["code"]) == (400, "endings.statement")
    answer = await nasty.post(it, PROVIDER, path, {**statement(it, nasty, "urn:uuid:x"), "jws": "a..b"})
    assert answer.json["code"] == "contracts.seal-invalid"
    answers = [await nasty.post(it, PROVIDER, path, {}) for _ in range(6)]
    assert answers[-1].status == 429
    large = await nasty.post(it, CONSUMER, path, {"statement": {}, "jws": "a" * LIMIT})
    assert large.status == 413
