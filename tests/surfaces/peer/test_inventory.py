"""The inventory as members see it: what each may see now, tagged for each, and the entries that its hashes cover."""

import json
from hashlib import sha256
from typing import Any

import pytest

from connector.data.catalogue import inventory
from connector.kernel.protocol.codec import CONTEXT
from connector.kernel.protocol.inventory import DATASETS, INVENTORY
from tests.testkit.cities import COMPANY, City, Space
from tests.testkit.nasty import NastyPeer, Reply, nasty_peer

TOWN = "musterstadt"
VERSIONS = "/.well-known/dspace-version"


@pytest.fixture
async def firm(space: Space, it: City) -> Any:
    """A member of another kind, whom the rule of the dataset does not admit."""
    async with nasty_peer(space, "firma", COMPANY) as peer:
        await space.reload(it)
        yield peer


async def listed(peer: NastyPeer, it: City, tag: str = "", after: str = "") -> Reply:
    """A page of the inventory for this peer."""
    headers = {"If_None_Match": tag} if tag else {}
    url = f"{it.root(TOWN)}{INVENTORY}{after}"
    return await peer.call("GET", url, token=peer.token(it.did(TOWN)), **headers)


async def entries(peer: NastyPeer, it: City, *names: str) -> list[bytes]:
    """The lines that this peer gets for these ids."""
    reply = await peer.post(it, TOWN, DATASETS, {"datasets": names})
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-ndjson")
    return reply.body.splitlines()


async def test_the_version_document_says_where_it_is(it: City, nasty: NastyPeer) -> None:
    """>> the version document << its body as the protocol has it, the inventory in a header."""
    reply = await nasty.call("GET", it.root(TOWN) + VERSIONS)
    assert list(reply.json) == ["protocolVersions"]
    expected = f'<{it.root(TOWN)}/federation/inventory>; rel="https://w3id.org/hanse/v1#inventory"'
    assert reply.headers["Link"] == expected


async def test_an_inventory_says_what_its_entries_hash_to(it: City, nasty: NastyPeer) -> None:
    """>> two datasets << ascending ids, the hash of each line, the digest of all; asked again with its tag: 304."""
    made = sorted([(await it.publish(TOWN))["dataset"] for _ in range(2)])
    reply = await listed(nasty, it)
    page = reply.json
    assert (page["participantId"], page["size"], page["more"]) == (it.did(TOWN), 2, False)
    lines = await entries(nasty, it, *made)
    told = [(name, sha256(line).hexdigest()) for name, line in zip(made, lines, strict=True)]
    assert [(one["id"], one["sha256"]) for one in page["datasets"]] == told
    whole = sha256("".join(f"{name} {told}\n" for name, told in told).encode()).hexdigest()
    assert (page["digest"], reply.headers["ETag"]) == (whole, f'"{whole}"')
    again = await listed(nasty, it, f'W/"x", "{whole}"')
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", f'"{whole}"')
    assert (await listed(nasty, it, '"other"')).status == 200


@pytest.mark.threat("T24")
async def test_a_member_learns_nothing_of_what_is_hidden_from_it(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> a dataset for the eligible comes << a firm's tag stays as it was, its list too, and the entry has no line."""
    open_ = (await it.publish(TOWN))["dataset"]
    before = (await listed(firm, it)).headers["ETag"]
    hidden = (await it.publish(TOWN, visibility="eligible"))["dataset"]
    assert (await listed(firm, it, before)).status == 304
    assert [one["id"] for one in (await listed(firm, it)).json["datasets"]] == [open_]
    assert len((await listed(nasty, it)).json["datasets"]) == 2
    assert len(await entries(nasty, it, open_, hidden)) == 2
    asked = [await entries(firm, it, hidden), await entries(firm, it, hidden[:-1] + "0")]
    assert asked == [[], []]


@pytest.mark.threat("T24")
async def test_a_hash_covers_what_this_member_sees_of_a_dataset(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> a second offer for the eligible alone << another hash for the town, the same as before for the firm."""
    made = (await it.publish(TOWN))["dataset"]
    before = [(await listed(peer, it)).json["digest"] for peer in (nasty, firm)]
    assert before[0] == before[1]
    wish = {"rule": "municipal-purpose", "slots": {"until": "30.06.2099"}, "visibility": "eligible"}
    uuid = made.rpartition("/")[2]
    await it.api.post(f"/api/v1/participants/{TOWN}/datasets/{uuid}/offers", wish)
    after = [(await listed(peer, it)).json["digest"] for peer in (nasty, firm)]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


@pytest.mark.threat("T24")
async def test_what_nobody_offers_is_told_to_connectors_alone(it: City, nasty: NastyPeer) -> None:
    """>> open without a contract << in the inventory with its line; in no catalogue, and 404 by its name there."""
    wish = {"access": "open", "licence": "cc-zero", "rule": "", "slots": {}}
    free, offered = (await it.publish(TOWN, **wish))["dataset"], (await it.publish(TOWN))["dataset"]
    assert {one["id"] for one in (await listed(nasty, it)).json["datasets"]} == {free, offered}
    (line,) = map(json.loads, await entries(nasty, it, free))
    assert line["distribution"][0]["dcat:downloadURL"] == {"@id": f"{free}/baeume.csv"}
    ask = {"@context": [CONTEXT], "@type": "CatalogRequestMessage"}
    catalogue = (await nasty.post(it, TOWN, "/2025-1/catalog/request", ask)).json
    assert [one["@id"] for one in catalogue["dataset"]] == [offered]
    assert (await nasty.get(it, TOWN, f"/2025-1/catalog/datasets/{free.rpartition('/')[2]}")).status == 404


async def test_pages_go_on_after_an_id(it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> 5 datasets, 2 a page << 2, 2, 1 under one digest; after an id that is not there: those behind it."""
    monkeypatch.setattr(inventory, "PAGE", 2)
    made = sorted([(await it.publish(TOWN))["dataset"] for _ in range(5)])
    found, sizes, after, more, digests = [], [], "", True, set()
    while more:
        page = (await listed(nasty, it, after=after)).json
        names = [one["id"] for one in page["datasets"]]
        found += names
        sizes.append(len(names))
        digests.add(page["digest"])
        more, after = page["more"], f"?after={names[-1]}"
    assert (found, sizes, len(digests)) == (made, [2, 2, 1], 1)
    assert (await listed(nasty, it, after="?after=z")).json["datasets"] == []


async def test_an_answer_ends_where_it_is_full(it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> three entries, room for one << one; what is behind it is asked for again."""
    monkeypatch.setattr(inventory, "ANSWER_BYTES", 1)
    made = [(await it.publish(TOWN))["dataset"] for _ in range(3)]
    assert len(await entries(nasty, it, *made)) == 1


async def test_a_question_that_is_none_is_refused(it: City, nasty: NastyPeer) -> None:
    for names in (None, [], ["x"] * 101, [7], "x"):
        reply = await nasty.post(it, TOWN, DATASETS, {} if names is None else {"datasets": names})
        assert (reply.status, reply.json["code"]) == (400, "catalogue.inventory-question"), names


async def test_both_doors_want_a_member(it: City, nasty: NastyPeer) -> None:
    """>> without a token << 401, as at every door that is not public."""
    replies = [
        await nasty.call("GET", it.root(TOWN) + INVENTORY),
        await nasty.call("POST", it.root(TOWN) + DATASETS, {"datasets": ["x"]}),
    ]
    assert [reply.status for reply in replies] == [401, 401]


@pytest.mark.threat("T24")
@pytest.mark.usefixtures("standing")
async def test_a_member_that_asks_without_end_is_slowed_down(it: City, nasty: NastyPeer) -> None:
    """>> 130 questions in one second << ten are 429 with the time to wait. Bug of the test: where they took longer than
    a second, there was something to answer for each."""
    replies = [await listed(nasty, it) for _ in range(130)]
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 10
    assert all(reply.headers["Retry-After"] for reply in refused)


async def test_a_participant_with_too_much_has_no_inventory(
    it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> more datasets than one holds << 404: whoever asks reads the catalogue instead."""
    monkeypatch.setattr(inventory, "MOST", 1)
    for _ in range(2):
        await it.publish(TOWN)
    reply = await listed(nasty, it)
    assert (reply.status, reply.json["code"]) == (404, "catalogue.inventory-large")
