"""The catalogue as peers see it: pages, cursors, and what is hidden from those who would not get it (T24)."""

import base64
import re
from typing import Any

import pytest

from connector.data.catalogue import pages
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import HANSE
from connector.surfaces.peer.dsp import catalogue
from tests.testkit.cities import COMPANY, City, Space
from tests.testkit.nasty import NastyPeer, Reply, nasty_peer

REQUEST = "/2025-1/catalog/request"
ASK: dict[str, Any] = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}


def shown(reply: Reply) -> list[str]:
    """The datasets on a page."""
    assert reply.status == 200, reply.body
    return [entry["@id"] for entry in reply.json.get("dataset", [])]


def following(reply: Reply) -> str | None:
    """The address of the next page."""
    return around(reply).get("next")


def around(reply: Reply) -> dict[str, str]:
    """The pages that the answer links to, by their relation."""
    return {name: address for address, name in re.findall(r'<([^>]+)>; rel="(\w+)"', reply.headers.get("Link", ""))}


def multiply(tx: Tx, dataset: str, times: int) -> None:
    """Copies of a dataset and its offers under further ids, one millisecond apart."""
    for number in range(times):
        new = f"{dataset.rpartition('/')[0]}/{new_uuid()}"
        tx.run(
            "INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at, words)"
            " SELECT participant, :new, source, title, version, document, created_at + :n, changed_at, words"
            " FROM dataset WHERE participant = :p AND id = :id",
            new=new,
            n=number + 1,
            p=tx.scope,
            id=dataset,
        )
        row = tx.one("SELECT * FROM offer WHERE participant = :p AND dataset = :id", p=tx.scope, id=dataset)
        assert row is not None
        copy = {**row, "id": f"{new}/offers/{new_uuid()}", "dataset": new}
        names = ", ".join(copy)
        tx.run(f"INSERT INTO offer ({names}) VALUES ({', '.join(f':{name}' for name in copy)})", **copy)


@pytest.fixture
async def firm(space: Space, it: City) -> Any:
    """A member of another kind, whom the rule of the dataset does not admit."""
    async with nasty_peer(space, "firma", COMPANY) as peer:
        await space.reload(it)
        yield peer


@pytest.mark.threat("T24")
async def test_a_hidden_dataset_is_one_that_does_not_exist(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> visibility `eligible` << the town sees it in every way; for the firm it looks like an invented one."""
    open_, hidden = await it.publish("musterstadt"), await it.publish("musterstadt", visibility="eligible")
    assert set(shown(await nasty.post(it, "musterstadt", REQUEST, ASK))) == {open_["dataset"], hidden["dataset"]}
    assert shown(await firm.post(it, "musterstadt", REQUEST, ASK)) == [open_["dataset"]]
    uuid, invented = hidden["dataset"].rpartition("/")[2], new_uuid()
    assert (await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{uuid}")).status == 200
    replies = []
    for name in (uuid, invented, hidden["dataset"], hidden["dataset"].replace(uuid, invented)):
        reply = await firm.get(it, "musterstadt", f"/2025-1/catalog/datasets/{name.replace('/', '%2F')}")
        replies.append((reply.status, re.sub(f"{uuid}|{invented}", "ID", reply.body.decode())))
    assert replies[0] == replies[1]
    assert replies[2] == replies[3]
    assert {status for status, _ in replies} == {404}


@pytest.mark.threat("T24")
async def test_a_hidden_offer_cannot_be_asked_for(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> the firm asks for the hidden offer, and for an invented one << 404 in the same words; the town << 201."""
    hidden = await it.publish("musterstadt", visibility="eligible")
    offer = await nasty.offer(it, "musterstadt", hidden["dataset"])
    replies = []
    for id_ in (offer["@id"], offer["@id"][:-36] + new_uuid()):
        asked = firm.contract_request({**offer, "@id": id_}, consumerPid="urn:uuid:c")
        reply = await firm.post(it, "musterstadt", "/2025-1/negotiations/request", asked)
        replies.append((reply.status, reply.body.decode()))
    assert replies[0] == replies[1]
    assert replies[0][0] == 404
    allowed = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", nasty.contract_request(offer))
    assert allowed.status == 201


@pytest.mark.threat("T24")
async def test_a_page_has_at_most_a_hundred_and_the_rest_follows(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> 250 datasets << 100, 100, 50, each once; with hidden ones between, the firm's pages are still full."""
    made = await it.publish("musterstadt")
    await it.services.infra.db.write("musterstadt", multiply, made["dataset"], 249)
    found, url = [], it.root("musterstadt") + REQUEST
    while url:
        reply = await nasty.call("POST", url, ASK, token=nasty.token(it.did("musterstadt")))
        found.append(shown(reply))
        url = following(reply) or ""
        assert not url or url.startswith(it.root("musterstadt") + REQUEST + "?cursor=")
    assert [len(page) for page in found] == [100, 100, 50]
    assert len({dataset for page in found for dataset in page}) == 250
    hide = "UPDATE offer SET visibility = 'eligible' WHERE participant = 'musterstadt' AND id < :id"
    row = await it.services.infra.db.read("musterstadt", lambda tx: tx.all("SELECT id FROM offer ORDER BY id"))
    await it.services.infra.db.write("musterstadt", lambda tx: tx.run(hide, id=row[125]["id"]))
    first = await firm.post(it, "musterstadt", REQUEST, ASK)
    assert len(shown(first)) == 100
    last = await firm.call("POST", following(first) or "", ASK, token=firm.token(it.did("musterstadt")))
    assert (len(shown(last)), following(last)) == (25, None)


@pytest.mark.threat("T24")
async def test_a_cursor_is_neither_shared_nor_forged(it: City, nasty: NastyPeer, firm: NastyPeer) -> None:
    """>> another's cursor, another town's, a bent one, an invented one << 400 each; the own one << 200."""
    made = await it.publish("musterstadt")
    await it.services.infra.db.write("musterstadt", multiply, made["dataset"], 120)
    url = following(await nasty.post(it, "musterstadt", REQUEST, ASK)) or ""
    cursor = url.partition("cursor=")[2]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=="))
    raw[-3] ^= 1
    bent = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    forged = base64.urlsafe_b64encode(b"\0" * 32 + b'[0,""]').decode().rstrip("=")
    token = firm.token(it.did("musterstadt"))
    assert (await firm.call("POST", url, ASK, token=token)).status == 400
    assert (await nasty.post(it, "nachbardorf", f"{REQUEST}?cursor={cursor}", ASK)).status == 400
    for wrong in (bent, forged, cursor[:-1], cursor + "A", "x", "%00", "a" * 5000, cursor + "%3D"):
        reply = await nasty.post(it, "musterstadt", f"{REQUEST}?cursor={wrong}", ASK)
        assert (wrong[:20], reply.status) == (wrong[:20], 400)
        assert reply.json["@type"] == "CatalogError"
    assert len(shown(await nasty.post(it, "musterstadt", f"{REQUEST}?cursor={cursor}", ASK))) == 21


async def test_a_filter_is_refused_and_an_empty_one_is_none(it: City, nasty: NastyPeer) -> None:
    """>> a filter that we do not have << 400 instead of everything."""
    assert (await nasty.post(it, "musterstadt", REQUEST, {**ASK, "filter": [{"x": 1}]})).status == 400
    assert (await nasty.post(it, "musterstadt", REQUEST, {**ASK, "filter": []})).status == 200


async def test_a_filter_says_where_it_is_wrong(it: City, nasty: NastyPeer) -> None:
    """>> an unknown member << a CatalogError with two sentences that name its place; 400, and nothing is shown."""
    asked = {**ASK, "filter": [{"limit": 50}, {f"{HANSE}words": "x", f"{HANSE}colour": "red"}]}
    reply = await nasty.post(it, "musterstadt", REQUEST, asked)
    assert (reply.status, reply.json["@type"], reply.json["code"]) == (400, "CatalogError", "400")
    assert all("/filter/1/https:~1~1w3id.org~1hanse~1v1#colour" in text for text in reply.json["reason"])
    assert len(reply.json["reason"]) == 2


async def test_the_pages_around_are_linked(it: City, nasty: NastyPeer) -> None:
    """>> a filtered catalogue in pages of 50 << next and previous lead to and fro, with the same message."""
    made = await it.publish("musterstadt")
    await it.services.infra.db.write("musterstadt", multiply, made["dataset"], 119)
    asked = {**ASK, "filter": [{f"{HANSE}words": "bäume"}, {"@type": "QuerySpec", "limit": 50, "filterExpression": []}]}

    async def leaf(url: str) -> Reply:
        return await nasty.call("POST", url, asked, token=nasty.token(it.did("musterstadt")))

    first = await nasty.post(it, "musterstadt", REQUEST, asked)
    second = await leaf(around(first)["next"])
    third = await leaf(around(second)["next"])
    assert [len(shown(page)) for page in (first, second, third)] == [50, 50, 20]
    assert [set(around(page)) for page in (first, second, third)] == [{"next"}, {"next", "previous"}, {"previous"}]
    back = await leaf(around(second)["previous"])
    assert shown(back) == shown(first)
    assert set(around(back)) == {"next"}
    assert (
        await nasty.call("POST", around(first)["next"], ASK, token=nasty.token(it.did("musterstadt")))
    ).status == 400


@pytest.mark.threat("T24")
@pytest.mark.usefixtures("standing")
async def test_a_member_that_asks_without_end_is_slowed_down(it: City, nasty: NastyPeer) -> None:
    """>> 70 questions in one second << ten are 429 with the time to wait."""
    replies = [await nasty.post(it, "musterstadt", REQUEST, ASK) for _ in range(70)]
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 10
    assert all(reply.headers["Retry-After"] == "1" for reply in refused)


@pytest.mark.threat("T24")
async def test_a_long_search_takes_rounds_and_pays_for_them(
    it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a filter that finds one of 60 where a round looks at five << found at once; several such searches: 429."""
    monkeypatch.setattr(pages, "EXAMINED", 5)
    made = await it.publish("musterstadt")
    await it.services.infra.db.write("musterstadt", multiply, made["dataset"], 59)
    rename = "UPDATE dataset SET words = 'nadel' WHERE id = (SELECT max(id) FROM dataset)"
    await it.services.infra.db.write("musterstadt", lambda tx: tx.run(rename))
    asked = {**ASK, "filter": [{f"{HANSE}words": "nadel"}]}
    found = [await nasty.post(it, "musterstadt", REQUEST, asked) for _ in range(7)]
    assert len(shown(found[0])) == 1
    assert around(found[0]) == {}
    assert {reply.status for reply in found} == {200, 429}
    assert found[-1].headers["Retry-After"] == "1"


async def test_a_search_ends_where_its_rounds_end_and_can_be_taken_up(
    it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> more datasets than one request may look at << an empty page with a next one, that goes on from there."""
    monkeypatch.setattr(pages, "EXAMINED", 5)
    monkeypatch.setattr(catalogue, "ROUNDS", 2)
    made = await it.publish("musterstadt")
    await it.services.infra.db.write("musterstadt", multiply, made["dataset"], 19)
    last = "UPDATE dataset SET words = 'nadel' WHERE created_at = (SELECT max(created_at) FROM dataset)"
    await it.services.infra.db.write("musterstadt", lambda tx: tx.run(last))
    asked = {**ASK, "filter": [{f"{HANSE}words": "nadel"}]}
    first = await nasty.post(it, "musterstadt", REQUEST, asked)
    assert shown(first) == []
    url = around(first)["next"]
    assert len(shown(await nasty.call("POST", url, asked, token=nasty.token(it.did("musterstadt"))))) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("GET", REQUEST), ("PUT", REQUEST), ("POST", "/2025-1/catalog/datasets/x")]
)
async def test_other_methods_are_named_as_wrong(it: City, nasty: NastyPeer, method: str, path: str) -> None:
    """<< 405 with the methods that there are, as a CatalogError."""
    token = nasty.token(it.did("musterstadt"))
    reply = await nasty.call(method, it.root("musterstadt") + path, ASK, token=token)
    assert (reply.status, reply.json["@type"]) == (405, "CatalogError")
    assert reply.headers["Allow"] in ("GET", "POST")


async def test_one_town_does_not_show_what_the_next_has(it: City, nasty: NastyPeer, made: dict[str, Any]) -> None:
    """>> a dataset of musterstadt at nachbardorf, by UUID and by IRI << 404."""
    for name in (made["dataset"].rpartition("/")[2], made["dataset"].replace("/", "%2F")):
        assert (await nasty.get(it, "nachbardorf", f"/2025-1/catalog/datasets/{name}")).status == 404
        assert (await nasty.get(it, "musterstadt", f"/2025-1/catalog/datasets/{name}")).status == 200
