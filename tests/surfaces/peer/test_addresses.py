"""Whoever names a bystander as the root of its connector gets no message sent there (T72)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.identity.trust.did import did as dids
from connector.surfaces.peer.addresses import (
    BY_HOST,
    BY_LIST,
    BY_PEER,
    KEEP_MS,
    LONGEST_MS,
    MINUTES,
    REFUSED_MS,
    Addresses,
    needless,
)
from tests.testkit.cities import City, Space
from tests.testkit.nasty import NastyPeer, nasty_peer

NEGOTIATE = "/2025-1/negotiations/request"
DID, ROOT = "did:web:peer.example", "https://connector.example/peer"

pytestmark = pytest.mark.threat("T72")


class Place:
    """What one place answers, and how often it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        self.asked.append(url)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def document(**members: object) -> Answer:
    return Answer(200, {}, json.dumps(members).encode())


@pytest.fixture
async def bystander(space: Space, nasty: NastyPeer) -> AsyncIterator[NastyPeer]:
    """A server that has nothing to do with the peer, on a port of its own."""
    async with nasty_peer(space, "bystander", kind=None) as peer:
        yield peer


def points_at(nasty: NastyPeer, root: str) -> None:
    body = json.dumps(dids.document(dids.parse(nasty.did), root, nasty.keys)).encode()
    nasty.answers["/did.json"] = lambda got: (200, body)


async def test_a_bystander_hears_nothing_but_one_question(
    it: City, nasty: NastyPeer, bystander: NastyPeer, made: dict[str, Any]
) -> None:
    """>> a hundred requests of a peer whose DID document names a bystander << 400 in words; one GET there, no POST."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    points_at(nasty, bystander.root)
    it.services.trust.resolver.forget(nasty.did)
    for _ in range(100):
        asked = nasty.contract_request(offer, callbackAddress=bystander.base)
        reply = await nasty.post(it, "musterstadt", NEGOTIATE, asked)
        assert reply.status == 400
    assert "alsoKnownAs" in reply.json["reason"][0]
    assert [(one.method, one.path) for one in bystander.inbox] == [("GET", "/did.json")]
    assert await it.services.infra.db.read("musterstadt", lambda tx: tx.all("SELECT 1 FROM negotiation")) == []
    assert await it.services.infra.db.read("musterstadt", lambda tx: tx.all("SELECT 1 FROM outbox")) == []


async def test_a_place_that_names_the_peer_gets_its_answers(
    it: City, nasty: NastyPeer, bystander: NastyPeer, made: dict[str, Any]
) -> None:
    """>> the DID document of that place says that it is known as the peer << 201, and the agreement comes there."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    points_at(nasty, bystander.root)
    own = {"id": bystander.did, "alsoKnownAs": [nasty.did]}
    bystander.answers["/did.json"] = lambda got: (200, json.dumps(own).encode())
    it.services.trust.resolver.forget(nasty.did)
    asked = nasty.contract_request(offer, callbackAddress=bystander.base)
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).status == 201
    assert (await bystander.heard("/agreement")).json["consumerPid"] == asked["consumerPid"]
    assert sum(one.path == "/did.json" for one in bystander.inbox) == 1


async def test_an_operator_may_vouch_for_a_place(
    it: City, nasty: NastyPeer, bystander: NastyPeer, made: dict[str, Any]
) -> None:
    """>> the same root entered by hand for that peer << 201 without a question; EDC publishes nothing there."""
    offer = await nasty.offer(it, "musterstadt", made["dataset"])
    points_at(nasty, bystander.root)
    it.services.trust.resolver.forget(nasty.did)
    entered = {"did": nasty.did, "root": bystander.root}
    await it.api.post("/api/v1/participants/musterstadt/peers", entered)
    asked = nasty.contract_request(offer, callbackAddress=bystander.base)
    assert (await nasty.post(it, "musterstadt", NEGOTIATE, asked)).status == 201
    await bystander.heard("/agreement")
    assert "/did.json" not in [one.path for one in bystander.inbox]


async def test_nothing_is_sent_to_where_a_peer_moves_meanwhile(
    it: City, nasty: NastyPeer, bystander: NastyPeer, made: dict[str, Any]
) -> None:
    """>> we call a peer whose document names a bystander since << told to the operator, and no POST goes there."""
    points_at(nasty, bystander.root)
    it.services.trust.resolver.forget(nasty.did)
    with pytest.raises(PeerError, match="address-unproven"):
        await it.services.peer.partner("musterstadt", nasty.did)
    with pytest.raises(PeerError, match="address-unproven"):
        await it.services.peer.post("musterstadt", nasty.did, f"{bystander.base}/negotiations/request", b"{}")
    assert [one.method for one in bystander.inbox] == ["GET"]


async def test_a_proof_is_asked_for_once_and_a_failure_ever_less_often() -> None:
    clock, place = FakeClock(), Place(document(id="did:web:other.example"), document(id=DID))
    addresses = Addresses(place, clock)
    for _ in range(3):
        with pytest.raises(PeerError):
            await addresses.prove(DID, ROOT)
    assert place.asked == [f"{ROOT}/did.json"]
    clock.advance(REFUSED_MS)
    await addresses.prove(DID, ROOT)
    clock.advance(KEEP_MS - 1)
    await addresses.prove(DID, ROOT)
    assert len(place.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        document(),
        document(id=["did:web:peer.example"]),
        document(alsoKnownAs=DID),
        document(alsoKnownAs={DID: DID}),
        Answer(200, {}, b"[]"),
        Answer(200, {}, f'"{DID}"'.encode()),
        Answer(200, {}, b"{"),
        Answer(404, {}, b""),
        Answer(301, {"Location": "https://peer.example/did.json"}, b""),
        document(id=DID + ":x"),
        Answer(201, {}, json.dumps({"id": DID}).encode()),
    ],
)
async def test_what_proves_nothing(answer: Answer) -> None:
    with pytest.raises(PeerError, match="address-unproven"):
        await Addresses(Place(answer), FakeClock()).prove(DID, ROOT)


@pytest.mark.parametrize(
    "answer", [Answer(503, {}, b""), Answer(429, {}, b""), Unavailable("http.unreachable", host="")]
)
async def test_a_place_that_is_away_is_asked_again_later(answer: Answer | Exception) -> None:
    """<< not now, and no second question within five minutes; then less and less often, at least hourly."""
    clock, place = FakeClock(), Place(answer)
    addresses = Addresses(place, clock)
    for asked, pause in ((1, REFUSED_MS), (2, 2 * REFUSED_MS), (3, 4 * REFUSED_MS)):
        for _ in range(5):
            with pytest.raises(Unavailable):
                await addresses.prove(DID, ROOT)
        assert len(place.asked) == asked
        clock.advance(pause)
    assert LONGEST_MS == 3_600_000


async def test_neither_a_peer_nor_many_can_have_a_host_asked_without_end() -> None:
    """>> a peer that names a new root each time; many peers that name one host << bounded, then one in ten minutes."""
    clock, place = FakeClock(), Place(document())
    addresses = Addresses(place, clock)
    for number in range(50):
        with pytest.raises((PeerError, Unavailable)):
            await addresses.prove(DID, f"https://h{number}.example/r")
    assert len(place.asked) == BY_PEER
    place.asked.clear()
    for number in range(100):
        with pytest.raises((PeerError, Unavailable)):
            await addresses.prove(f"did:web:p{number}.example", "https://one.example/r")
    assert len(place.asked) == BY_LIST
    clock.advance(MINUTES)
    with pytest.raises(PeerError):
        await addresses.prove("did:web:new.example", "https://one.example/r")
    assert len(place.asked) == BY_LIST + 1


async def test_five_hundred_towns_at_one_host_are_not_kept_waiting_for_days() -> None:
    """>> DIDs of their own names, connectors at one provider's host, each day anew << all proven, none put off."""
    clock = FakeClock()

    class Host(Place):
        async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
            self.asked.append(url)
            return document(alsoKnownAs=[f"did:web:{url.split('/')[-2]}.example"])

    place = Host()
    addresses = Addresses(place, clock)
    for day in (1, 2):
        for number in range(500):
            await addresses.prove(f"did:web:town{number}.example", f"https://host.example/town{number}")
        assert len(place.asked) == 500 * day
        clock.advance(KEEP_MS)


async def test_bug_one_operator_used_up_the_questions_that_others_needed() -> None:
    """>> six members of one operator name places at a provider's host all day << a town there is proven, and another
    one the next day too; of two operators together those that were proven before still are.
    """
    clock = FakeClock()

    class Host(Place):
        async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
            self.asked.append(url)
            name = url.split("/")[-2]
            return document(id=f"did:web:{name}.example") if name.startswith("town") else Answer(404, {}, b"")

    place = Host()
    addresses = Addresses(
        place, clock, lambda did: (("a list", "evil" if "evil" in did else "bad" if "bad" in did else did),)
    )

    async def names(*kinds: str) -> None:
        for kind in kinds:
            for number in range(6):
                with pytest.raises((PeerError, Unavailable)):
                    await addresses.prove(f"did:web:{kind}{number}.example", f"https://host.example/{len(place.asked)}")

    await addresses.prove("did:web:town1.example", "https://host.example/town1")
    for kinds in (("evil",), ("evil", "bad")):
        for _ in range(KEEP_MS // MINUTES + 1):
            await names(*kinds)
            clock.advance(MINUTES)
        await names(*kinds)
        await addresses.prove("did:web:town1.example", "https://host.example/town1")
        if kinds == ("evil",):
            await addresses.prove("did:web:town2.example", "https://host.example/town2")


@pytest.mark.threat("T72")
async def test_bug_a_list_of_somebodys_own_used_up_the_questions_that_others_needed() -> None:
    """>> a space that one tenant made names fifty members at a provider's host under as many operators, under that of
    the provider's towns too, and one of these as it likes << the towns are proven there all the same;
    many lists together still have a bound."""

    class Host(Place):
        async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
            name = url.split("/")[-2]
            return document(id=f"did:web:{name}.example") if name.startswith("town") else Answer(404, {}, b"")

    def vouched(did: str) -> list[tuple[str, str]]:
        number = int("".join(filter(str.isdigit, did)))
        own = [("own", "provider" if number % 2 else did)]
        return own if "evil" in did else [*own, ("county", "provider")] if number == 1 else [("county", "provider")]

    addresses = Addresses(Host(), FakeClock(), vouched)
    for number in range(50):
        with pytest.raises((PeerError, Unavailable)):
            await addresses.prove(f"did:web:evil{number}.example", f"https://host.example/evil{number}")
    for number in range(1, 40):
        await addresses.prove(f"did:web:town{number}.example", f"https://host.example/town{number}")
    place = Place(Answer(404, {}, b""))
    many = Addresses(place, FakeClock(), lambda did: ((did, did),))
    for number in range(BY_HOST + 9):
        with pytest.raises((PeerError, Unavailable)):
            await many.prove(f"did:web:evil{number}.example", "https://host.example/evil")
    assert len(place.asked) == BY_HOST


async def test_a_proof_that_has_run_out_holds_while_the_place_is_asked_again() -> None:
    """>> two messages at the end of the day, the second while the question of the first is out << both go."""
    clock, asking, answered = FakeClock(), asyncio.Event(), asyncio.Event()

    class Slow(Place):
        async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
            asking.set()
            await answered.wait()
            return document(id=DID)

    place = Slow()
    addresses = Addresses(place, clock)
    answered.set()
    await addresses.prove(DID, ROOT)
    clock.advance(KEEP_MS)
    asking.clear()
    answered.clear()
    first = asyncio.create_task(addresses.prove(DID, ROOT))
    await asking.wait()
    await addresses.prove(DID, ROOT)
    answered.set()
    await first


def test_where_the_did_itself_points_needs_no_proof() -> None:
    """By whole path segments, on the same port: a neighbour on the same host is not the peer."""
    assert needless("did:web:localhost%3A18443:town", "https://localhost:18443/town")
    assert needless("did:web:localhost%3A18443:town", "https://localhost:18443/town/dsp")
    assert needless("did:web:a.example", "https://a.example/dsp")
    assert not needless("did:web:localhost%3A18443:town", "https://localhost:18443/other")
    assert not needless("did:web:localhost%3A18443:town", "https://localhost:18443/town2")
    assert not needless("did:web:localhost%3A18443:town", "https://localhost:18444/town")
    assert not needless("did:key:z6Mk", "https://a.example")
