"""A city's day over the management surface: add, publish, find, negotiate, fetch, look, end."""

from typing import Any

import aiohttp
import pytest

from tests.testkit.cities import COMPANY, MUNICIPALITY, PURPOSE, City, Refused, Space


async def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        await call
    return refusal.value.status, refusal.value.problem["code"]


async def test_participants_are_added_shown_and_rotated(space: Space) -> None:
    """>> add << keys by purpose, no private part; a bad kind, slug or purpose is refused; rotate keeps the old."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    shown = await city.api.get("/api/v1/participants/musterstadt")
    assert {key["purpose"] for key in shown["keys"]} >= {"peer", "seal", "log"}
    assert all(set(key) == {"kid", "purpose", "state"} for key in shown["keys"])
    base = "/api/v1/participants"
    wish = {"slug": "x", "name": "X", "kind": MUNICIPALITY}
    assert await refused(city.api.post(base, {**wish, "kind": "urn:else"})) == (400, "participants.kind")
    assert await refused(city.api.post(base, {**wish, "slug": "X"})) == (400, "participants.slug")
    assert await refused(city.api.post(base, {**wish, "slug": "musterstadt"})) == (400, "participants.taken")
    assert await refused(city.api.post(f"{base}/musterstadt/keys/tls/rotate")) == (400, "participants.purpose")
    rotated = await city.api.post(f"{base}/musterstadt/keys/peer/rotate")
    states = sorted(key["state"] for key in rotated["keys"] if key["purpose"] == "peer")
    assert states == ["active", "verify-only"]
    entered = {"did": "did:web:edc.example", "root": "https://edc.example/x"}
    assert await city.api.post(f"{base}/musterstadt/peers", entered) == entered
    assert (await refused(city.api.post(f"{base}/musterstadt/peers", {**entered, "root": "http://x"})))[0] == 400


async def test_after_a_rotation_everything_goes_on(space: Space) -> None:
    """>> rotate peer and seal keys of both sides << the next contract and transfer work as before."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    made = await city.publish("musterstadt")
    assert (await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"]))["state"] == "FINALIZED"
    for slug in ("musterstadt", "nachbardorf"):
        for purpose in ("peer", "seal"):
            await city.api.post(f"/api/v1/participants/{slug}/keys/{purpose}/rotate")
    signed = await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED", signed
    assert (await city.fetch("nachbardorf", signed["agreement"]))["outcome"] == "received"


async def test_find_says_what_one_would_get_and_why_not(space: Space) -> None:
    """>> find << a hit per dataset with its clauses; for the firm the one that is not met; words narrow it down."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    firm = await space.city("firm", {"stadtwerke": COMPANY})
    await space.reload(city, firm)
    made = await city.publish("musterstadt", description="Straßenbäume mit Höhe")
    await city.publish("musterstadt", title="Haushalt", visibility="eligible")
    found = await city.api.get("/api/v1/participants/nachbardorf/find")
    assert (len(found["results"]), found["asked"], found["failed"]) == (2, 2, [])
    assert all(hit["offers"][0]["met"] for hit in found["results"])
    (hit,) = (await firm.api.get("/api/v1/participants/stadtwerke/find"))["results"]
    assert hit["dataset"] == made["dataset"]
    assert hit["offers"][0]["met"] is False
    assert "Kommune" in hit["offers"][0]["reason"]["de"]
    assert len((await city.api.get("/api/v1/participants/nachbardorf/find", q="höhe bäume"))["results"]) == 1
    assert (await city.api.get("/api/v1/participants/nachbardorf/find", q="nichts"))["results"] == []
    stranger = {"from": "did:web:nobody.example"}
    assert await refused(city.api.get("/api/v1/participants/nachbardorf/find", **stranger)) == (400, "api.no-member")


async def test_a_peer_that_is_away_is_named_and_the_others_answer(space: Space) -> None:
    """>> find while one member's process is down << its name under `failed`, the other's datasets all the same."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    async with space.running("away", {"fernstadt": MUNICIPALITY}) as away:
        gone = away.did("fernstadt")
    await space.reload(city)
    await city.publish("musterstadt")
    found = await city.api.get("/api/v1/participants/nachbardorf/find")
    assert len(found["results"]) == 1
    assert [one["provider"] for one in found["failed"]] == [gone]
    assert all(found["failed"][0]["reason"].values())


async def page_policy(city: City, path: str) -> set[str]:
    """What a browser lets this page do: its style was blocked once, and a partner may have written it."""
    connector = aiohttp.UnixConnector(city.settings.api.socket)
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session, session.get(path) as answer:
        return set(answer.headers["Content-Security-Policy"].split("; "))


async def test_negotiate_look_and_end(space: Space) -> None:
    """>> agreements, text, evidence, content << as signed and received; what is over cannot be ended."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    made, us = await city.publish("musterstadt"), "/api/v1/participants/nachbardorf"
    signed = await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"])
    assert signed["states"] == ["REQUESTED", "AGREED", "VERIFIED", "FINALIZED"]
    (listed,) = (await city.api.get(f"{us}/agreements"))["agreements"]
    assert (listed["agreement"], listed["signed"]) == (signed["agreement"], {"provider": True, "consumer": True})
    uuid = signed["agreement"].removeprefix("urn:uuid:")
    assert (await city.api.get(f"{us}/agreements/{uuid}")) == listed
    assert b'<html lang="de">' in await city.api.get(f"{us}/agreements/{uuid}/text")
    assert await page_policy(city, f"{us}/agreements/{uuid}/text") == {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "sandbox",
    }
    received = await city.fetch("nachbardorf", signed["agreement"])
    assert await city.api.get(f"{us}/transfers/{received['id']}/content") == b"a;b\n1;2\n"
    ending = {"reason": "Vorbei."}
    assert await refused(city.api.post(f"{us}/negotiations/{signed['id']}/terminate", ending)) == (
        400,
        "contracts.ended",
    )
    own = await city.api.get("/api/v1/participants/musterstadt/datasets")
    assert [one["dataset"] for one in own["datasets"]] == [made["dataset"]]


@pytest.mark.threat("T17")
async def test_one_participant_never_sees_anothers_things(space: Space) -> None:
    """>> ids of the neighbour under one's own name << 404, as if they were not there."""
    towns = {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY, "drittdorf": MUNICIPALITY}
    city = await space.city("it", towns)
    made = await city.publish("musterstadt")
    signed = await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"])
    received = await city.fetch("nachbardorf", signed["agreement"])
    other, uuid = "/api/v1/participants/drittdorf", signed["agreement"].removeprefix("urn:uuid:")
    for path in (
        f"negotiations/{signed['id']}",
        f"agreements/{uuid}",
        f"agreements/{uuid}/text",
        f"agreements/{uuid}/evidence",
        f"transfers/{received['id']}",
        f"transfers/{received['id']}/content",
    ):
        assert (await refused(city.api.get(f"{other}/{path}")))[0] == 404, path
    assert (await refused(city.api.post(f"{other}/transfers", {"agreement": uuid})))[0] == 404
    offer = {"rule": "municipalities-only"}
    uuid = made["dataset"].rpartition("/")[2]
    assert (await refused(city.api.post(f"{other}/datasets/{uuid}/offers", offer)))[0] == 404
    assert (await city.api.get(f"{other}/agreements"))["agreements"] == []
    assert (await city.api.get(f"{other}/datasets"))["datasets"] == []


async def test_wishes_that_cannot_be_are_refused_with_the_reason(space: Space) -> None:
    """>> unknown source, offer, dataset, provider, source address << 400 or 404 by name, and no negotiation."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    made, us = await city.publish("musterstadt"), "/api/v1/participants/nachbardorf"
    wish = {"provider": city.did("musterstadt"), "dataset": made["dataset"], "purpose": PURPOSE}
    post = city.api.post
    assert await refused(post(f"{us}/negotiations", {**wish, "offer": "urn:x"})) == (400, "api.no-offer")
    assert await refused(post(f"{us}/negotiations", {**wish, "dataset": "urn:x"})) == (400, "peer.no-dataset")
    assert (await refused(post(f"{us}/negotiations", {**wish, "provider": "did:web:nobody.example"})))[0] in (400, 401)
    assert await refused(post(f"{us}/transfers", {"agreement": "0"})) == (404, "contracts.no-agreement")
    live = {"kind": "http", "parameters": {"url": "http://localhost/x"}, "name": "x.csv"}
    assert await refused(post(f"{us}/sources", live)) == (400, "sources.address")
    publication = {"source": "0", "title": "x", "rule": "municipalities-only"}
    assert await refused(post(f"{us}/datasets", publication)) == (400, "catalogue.no-source")
    assert await refused(post(f"{us}/files?name=..", data=b"x")) == (400, "catalogue.file-name")


@pytest.mark.threat("T15")
async def test_an_uploaded_name_is_a_label_all_the_way(space: Space) -> None:
    """>> upload, negotiate, fetch under a name that is a path << the received file lies in its own folder."""
    city: City = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    for name in ("../../../x.csv", "..%2F..%2Fx.csv", "/etc/x.csv", "a\\..\\x.csv"):
        made = await city.publish("musterstadt", name=name)
        signed = await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"])
        received = await city.fetch("nachbardorf", signed["agreement"])
        process = received["id"].removeprefix("urn:uuid:")
        assert received["file"] == str(city.settings.data.received / "nachbardorf" / process / "baeume.csv"), name
