"""Copies of catalogues between real connectors: what each of our towns was shown, how old it is, and when it goes."""

import json
import tempfile
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connector.data.catalogue.search import store as copies
from connector.data.federation import crawl
from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.codec import CONTEXT
from connector.kernel.protocol.inventory import DATASETS, INVENTORY, link
from connector.kernel.protocol.versions import WELL_KNOWN
from connector.surfaces.peer.client import client
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Refused, Space, data_space
from tests.testkit.manners import EVERY
from tests.testkit.nasty import NastyPeer, nasty_peer

SEA, VILLAGE, WORKS = "seestadt", "nachbardorf", "stadtwerke"
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def coast(clock: FakeClock) -> AsyncIterator[Space]:
    """A data space in which a test moves the time."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        async with data_space(Path(folder), clock) as space:
            yield space


async def hosts(space: Space, *others: City) -> City:
    """A process of two towns: a village, and a company that no rule for municipalities admits."""
    city = await space.city("hosts", {VILLAGE: MUNICIPALITY, WORKS: COMPANY})
    await space.reload(city, *others)
    return city


async def read(city: City, slug: str, member: str) -> dict[str, Any]:
    """The member's catalogue, read now for one of our participants."""
    found: dict[str, Any] = await city.api.post(f"/api/v1/participants/{slug}/federation/refresh", {"member": member})
    return found


async def titles(city: City, slug: str) -> set[str]:
    """What the copies of one participant say, as its own lock lets them be read."""

    def look(tx: Tx) -> set[str]:
        rows = tx.all(
            "SELECT d.entry FROM copy_entry e JOIN copy_document d ON d.content = e.content WHERE e.participant = :p",
            p=slug,
        )
        return {json.loads(bytes(row["entry"]))["dct:title"] for row in rows}

    return await city.services.infra.db.read(slug, look)


async def find(city: City, slug: str, words: str) -> dict[str, tuple[str, str]]:
    """What a search of one participant finds: title -> (copy or live, as of when)."""
    found = await city.api.get(f"/api/v1/participants/{slug}/find", q=words)
    return {one["title"]: (one["source"], one["seen"]) for one in found["results"]}


async def copy_of(city: City, slug: str, member: str) -> dict[str, Any]:
    """How the copy of a member stands."""
    found = await city.api.get(f"/api/v1/participants/{slug}/federation")
    return next(one for one in found["members"] if one["member"] == member)


@pytest.mark.threat("T81")
async def test_what_one_hosted_town_was_shown_another_never_has(coast: Space) -> None:
    """>> a dataset for municipalities alone; both towns of one process read << the company's copy is without it,
    though its content lies in the same database; asked for by its hash it is not given either."""
    sea = await coast.city("sea", {SEA: MUNICIPALITY})
    it = await hosts(coast, sea)
    await sea.publish(SEA, title="Bäume")
    hidden = await sea.publish(SEA, title="Geheim", visibility="eligible")
    village, works = [await read(it, slug, sea.did(SEA)) for slug in (VILLAGE, WORKS)]
    assert (village["listed"], works["listed"]) == (2, 1)
    assert (await titles(it, VILLAGE), await titles(it, WORKS)) == ({"Bäume", "Geheim"}, {"Bäume"})
    assert (set(await find(it, VILLAGE, "geheim")), await find(it, WORKS, "geheim")) == ({"Geheim"}, {})
    again = [(await read(it, slug, sea.did(SEA)))["outcome"] for slug in (VILLAGE, WORKS)]
    assert again == ["unchanged", "unchanged"]
    async with nasty_peer(coast, "schlau") as liar:
        await coast.reload(it)
        held = await it.services.infra.db.read(VILLAGE, copies.held, VILLAGE, sea.did(SEA))
        secret = next(one.told for name, one in held.items() if name == hidden["dataset"])
        list_hash(liar, str(secret))
        told = await read(it, WORKS, liar.did)
        assert (told["listed"], told["fetched"], told["set_aside"]) == (1, 0, 1)
        assert "Geheim" not in await titles(it, WORKS)


def list_hash(liar: NastyPeer, told: str) -> None:
    """The liar lists a dataset of its own by the hash of somebody else's, and gives nothing."""
    listing(liar, {f"{liar.root}/datasets/1": told}, b"")


def dataset(peer: NastyPeer, title: str) -> bytes:
    """The line of a dataset that a peer without much to say may show."""
    offer = {"@id": "urn:o", "@type": "Offer", "permission": [{"action": "use"}]}
    way = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "urn:s"}
    members = {
        "@context": [CONTEXT],
        "@id": f"{peer.root}/datasets/1",
        "@type": "Dataset",
        "hasPolicy": [offer],
        "distribution": [way],
        "dct:title": title,
    }
    return json.dumps(members).encode()


def show(peer: NastyPeer, *lines: bytes) -> None:
    """The peer has an inventory with these entries."""
    told = {json.loads(line)["@id"]: sha256(line).hexdigest() for line in lines}
    listing(peer, told, b"".join(line + b"\n" for line in lines))


def listing(peer: NastyPeer, told: dict[str, str], entries: bytes) -> None:
    """An inventory of one page, as spec/metadata-federation.md 1.2 has it, and what is given for all of it."""
    digest = sha256("".join(f"{name} {hash_}\n" for name, hash_ in sorted(told.items())).encode()).hexdigest()
    items = [{"id": name, "sha256": hash_} for name, hash_ in sorted(told.items())]
    page = {"participantId": peer.did, "digest": digest, "size": len(told), "more": False, "datasets": items}
    peer.headers[WELL_KNOWN] = {"Link": link(peer.root)}
    peer.answers[INVENTORY] = lambda got: (200, json.dumps(page).encode())
    peer.answers[DATASETS] = lambda got: (200, entries)


async def test_a_rule_that_ends_at_midnight_hides_its_dataset_at_the_next_inventory(
    coast: Space, clock: FakeClock
) -> None:
    """>> for the eligible until today; read before and after midnight, nothing written in between << then gone."""
    sea = await coast.city("sea", {SEA: MUNICIPALITY})
    it = await hosts(coast, sea)
    day = rfc3339(clock.now())[:10]
    until = f"{day[8:10]}.{day[5:7]}.{day[:4]}"
    await sea.publish(SEA, title="Bleibt")
    await sea.publish(SEA, title="Bis heute", visibility="eligible", slots={"until": until})
    await read(it, VILLAGE, sea.did(SEA))
    assert await titles(it, VILLAGE) == {"Bleibt", "Bis heute"}
    clock.advance(DAY_MS)
    told = await read(it, VILLAGE, sea.did(SEA))
    assert (told["gone"] <= 1, await titles(it, VILLAGE)) == (True, {"Bleibt"})
    assert set(await find(it, VILLAGE, "")) == {"Bleibt"}


async def test_a_partner_that_is_down_for_a_week_is_still_there_with_its_age(coast: Space, clock: FakeClock) -> None:
    """>> read, then the partner's process ends and a week goes by << its copy stays, a week old, silent with the
    reason; when it is back, the next reading finds it as it is."""
    async with coast.running("sea", {SEA: MUNICIPALITY}) as sea:
        it = await hosts(coast, sea)
        did = sea.did(SEA)
        await sea.publish(SEA, title="Bäume")
        await read(it, VILLAGE, did)
        began = rfc3339(clock.now())
        assert (await copy_of(it, VILLAGE, did))["state"] == "good"
    for _ in range(7):
        clock.advance(DAY_MS)
        told = await read(it, VILLAGE, did)
    assert (told["outcome"], "en" in told["reason"]) == ("failed", True)
    seen = await copy_of(it, VILLAGE, did)
    assert (seen["state"], seen["datasets"], seen["age_s"] // 86_400) == ("silent", 1, 7)
    assert seen["silent_since"] < rfc3339(clock.now())
    assert await find(it, VILLAGE, "bäume") == {"Bäume": ("copy", began)}
    async with coast.running("sea", {SEA: MUNICIPALITY}):
        clock.advance(600_000)  # so long it is remembered that its DID document could not be had
        told = await read(it, VILLAGE, did)
        assert (told["outcome"], told["reason"]) == ("unchanged", None)
        assert (await copy_of(it, VILLAGE, did))["state"] == "good"


@pytest.mark.threat("T80")
async def test_an_empty_answer_removes_nothing_that_is_found(coast: Space) -> None:
    """>> read, then the member answers with an empty inventory, whole and well formed << still found."""
    it = await hosts(coast)
    async with nasty_peer(coast, "leer") as peer:
        await coast.reload(it)
        show(peer, dataset(peer, "Brunnen"))
        assert (await read(it, VILLAGE, peer.did))["fetched"] == 1
        show(peer)
        told = await read(it, VILLAGE, peer.did)
        assert (told["outcome"], told["listed"], told["gone"]) == ("doubted", 0, 0)
        assert set(await find(it, VILLAGE, "brunnen")) == {"Brunnen"}
        assert (await copy_of(it, VILLAGE, peer.did))["state"] == "part"


LEFT_OUT = {"silent", "drips", "late", "100 for ever", "endless", "endless headers", "endless trailers", "twice"}
"""Left in time, each by the same clock: two of them are enough. The second of two answers would be that to our next
question."""
FINE = {"100 then an answer", "no media type", "an odd media type", "numbers for pids", "not modified"}
"""Odd, but it says that nothing has changed."""


@pytest.mark.threat("T80")
async def test_no_bad_manner_of_a_member_takes_a_copy_away(coast: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> read once; then every manner at its inventory, and floods at its entries << told why, and all is still
    there; when it behaves again it is read."""
    monkeypatch.setattr(crawl, "PACE_S", 0.0)
    it = await hosts(coast)
    patience = client.MESSAGE_S

    def soon(name: str) -> None:
        """Short patience only with who never ends: on a busy machine a decent answer takes longer, too."""
        monkeypatch.setattr(client, "MESSAGE_S", 0.3 if name in ("silent", "drips") else patience)

    async with nasty_peer(coast, "wild") as peer:
        await coast.reload(it)
        show(peer, dataset(peer, "Brunnen"))
        assert (await read(it, VILLAGE, peer.did))["fetched"] == 1
        for name in [*(name for name in EVERY if name not in LEFT_OUT), "silent", "drips"]:
            peer.manners = {INVENTORY: EVERY[name]}
            soon(name)
            told = await read(it, VILLAGE, peer.did)
            assert ((told["outcome"] != "failed") is (name in FINE), told["gone"]) == (True, 0), name
            assert await titles(it, VILLAGE) == {"Brunnen"}
        show(peer, dataset(peer, "Anders"))
        for name in ("half a body", "a gigabyte", "bomb", "html", "drips"):
            peer.manners = {DATASETS: EVERY[name]}
            soon(name)
            await read(it, VILLAGE, peer.did)
            assert await titles(it, VILLAGE) == {"Brunnen"}, name
        peer.manners.clear()
        soon("as others")
        assert (await read(it, VILLAGE, peer.did))["fetched"] == 1
        assert await titles(it, VILLAGE) == {"Anders"}


async def test_the_crawler_reads_by_itself(coast: Space, clock: FakeClock) -> None:
    """>> nobody asks; a few minutes go by << both towns have the neighbour's catalogue, and each other's."""
    sea = await coast.city("sea", {SEA: MUNICIPALITY})
    it = await hosts(coast, sea)
    await sea.publish(SEA, title="Bäume")
    await it.publish(WORKS, title="Netze")
    crawler = it.services.federation.crawler
    await crawler.look()
    for _ in range(6):  # whoever came to know of a member only now asks it in two minutes
        clock.advance(180_000)
        await crawler.look()
        await crawler.idle()
    assert await titles(it, VILLAGE) == {"Bäume", "Netze"}
    held = await it.services.infra.db.read(WORKS, copies.held, WORKS, sea.did(SEA))
    assert len(held) == 1


async def test_a_member_is_told_of_as_soon_as_it_is_listed(coast: Space) -> None:
    """>> on the list, nothing read yet << there, never read, due within minutes."""
    sea = await coast.city("sea", {SEA: MUNICIPALITY})
    it = await hosts(coast, sea)
    seen = await copy_of(it, VILLAGE, sea.did(SEA))
    assert (seen["state"], seen["datasets"], seen["complete"], seen["age_s"]) == ("never", 0, None, None)


async def test_what_cannot_be_asked_is_said(coast: Space) -> None:
    """>> oneself, a stranger, a name that nobody has << 400 with the code."""
    it = await hosts(coast)
    codes = []
    for member in (it.did(VILLAGE), "did:web:stranger.example", "Niemandsdorf"):
        with pytest.raises(Refused) as refused:
            await read(it, VILLAGE, member)
        codes.append((refused.value.status, refused.value.problem["code"]))
    assert codes == [(400, "api.no-member"), (400, "api.no-member"), (400, "api.nobody-called")]
