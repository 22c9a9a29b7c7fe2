"""A town works at another provider from now on: what it agreed before goes on, in both roles, and proves itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from connector.app.on_demand import on_demand
from connector.continuity.moving import target
from connector.continuity.moving.assemble import MovingSlice, assemble
from connector.exchange.delivery.circuit import THRESHOLD
from connector.foundation.errors import HanseError
from connector.foundation.storage import Tx
from connector.identity.audit import store as audit
from connector.verify.bundle import verify_bundle
from connector.verify.report import Report
from tests.testkit.cities import MUNICIPALITY, PURPOSE, City, Refused, Space
from tests.testkit.moved import Move, move, say
from tests.testkit.patience import eventually_said

TOWN, VILLAGE = "musterstadt", "nachbardorf"
CONTENT = b"art;hoehe\nLinde;12\n"


async def pair(space: Space) -> tuple[City, City]:
    """The provider and the consumer, each a process of its own."""
    town = await space.city("town", {TOWN: MUNICIPALITY})
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, village)
    return town, village


async def agreed(town: City, village: City) -> str:
    made = await town.publish(TOWN, CONTENT)
    found = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert found["state"] == "FINALIZED"
    return str(found["agreement"])


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    uuid = agreement.removeprefix("urn:uuid:")
    found: bytes = await city.api.get(f"/api/v1/participants/{slug}/agreements/{uuid}/evidence")
    return found


def judged(space: Space, data: bytes, beside: bytes | None = None) -> Report:
    report = verify_bundle(data, space.roots, "en", beside=beside)
    assert report.holds_apart_from_time, [one.sentence for one in report.checks if one.code]
    return report


async def test_a_consumer_that_moved_goes_on_under_its_agreements(space: Space) -> None:
    """>> agreed, then the consumer moves; it fetches, and ends the agreement << the bytes; the end, on both sides.

    The bundles of both sides verify as before the move, and say who stands in whose place.
    """
    town, village = await pair(space)
    agreement = await agreed(town, village)
    before = await bundle(village, VILLAGE, agreement)
    moved = await move(space, village, VILLAGE, town)
    received = await village.fetch(VILLAGE, agreement)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received")
    assert Path(received["file"]).read_bytes() == CONTENT
    await ended(village, VILLAGE, agreement, town, TOWN)
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        told(judged(space, await bundle(city, slug, agreement)), "consumer", moved)
    judged(space, before)
    judged(space, await bundle(village, VILLAGE, agreement), beside=await bundle(town, TOWN, agreement))


async def test_a_provider_that_moved_goes_on_under_its_agreements(space: Space) -> None:
    """>> agreed, then the provider moves; the consumer fetches, the provider ends the agreement << as before."""
    town, village = await pair(space)
    agreement = await agreed(town, village)
    before = await bundle(town, TOWN, agreement)
    moved = await move(space, town, TOWN, village)
    received = await village.fetch(VILLAGE, agreement)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received")
    await ended(town, TOWN, agreement, village, VILLAGE)
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        told(judged(space, await bundle(city, slug, agreement)), "provider", moved)
    judged(space, before)


async def test_new_agreements_are_made_under_the_new_name(space: Space) -> None:
    """>> the provider moved; its partner asks by the DID it knew << agreed with the new one; the bundle names it."""
    town, village = await pair(space)
    made = await town.publish(TOWN, CONTENT)
    old = town.did(TOWN)
    moved = await move(space, town, TOWN, village)
    found = await village.negotiate(VILLAGE, old, made["dataset"])
    assert found["state"] == "FINALIZED"
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        report = judged(space, await bundle(city, slug, found["agreement"]))
        assert report.stated.get("succession") is None
    document = await village.services.infra.db.read(
        VILLAGE, village.services.contracts.service.agreements.named, VILLAGE, found["agreement"]
    )
    assert document.policy["assigner"] == moved.new


async def test_its_datasets_are_found_and_had_at_the_new_place(space: Space) -> None:
    """>> an open and a withdrawn dataset of before the move, by their UUIDs << shown, changed and downloaded at the new
    place under the names they have; the catalogues lead there, and not to where nobody is."""
    town, _ = await pair(space)
    fields = {"access": "open", "licence": "cc-zero", "rule": "", "slots": {}, "description": "Alle."}
    one, other = [await town.publish(TOWN, CONTENT, **fields) for _ in range(2)]
    uuid, gone = (str(each["dataset"]).rpartition("/")[2] for each in (one, other))
    base = f"/api/v1/participants/{TOWN}/datasets"
    await town.api.post(f"{base}/{gone}/withdraw", {"confirmed": True})
    old, _ = town.root(TOWN), await move(space, town, TOWN)
    root = town.root(TOWN)
    assert root != old
    shown = await town.api.get(f"{base}/{uuid}")
    assert (shown["dataset"], shown["page"]) == (one["dataset"], f"{root}/datasets/{uuid}.html")
    assert shown["download"].startswith(f"{root}/datasets/{uuid}/")
    http = town.services.infra.http
    assert (await http.get(shown["download"])).body == CONTENT
    turtle = (await http.get(f"{root}/datasets/{uuid}.ttl")).body.decode()
    assert (f"{old}/datasets/{uuid}>" in turtle, f"{root}/datasets/{uuid}/" in turtle) == (True, True)
    assert f"{old}/datasets/{uuid}/" not in turtle
    tombstone = await http.get(f"{root}/datasets/{gone}.ttl")
    assert (tombstone.status, f"{old}/datasets/{gone}" in tombstone.body.decode()) == (410, True)
    changed = await town.api.post(f"{base}/{uuid}/change", {"title": "Neuer Titel", "revision": shown["revision"]})
    assert changed["dataset"] == one["dataset"]
    assert (await town.api.get(f"{base}/{uuid}/history"))["revisions"]


async def test_its_partner_still_finds_what_it_published_before_the_move(space: Space) -> None:
    """>> the provider moves, the partner reads its catalogue << the dataset is found there under the name that it has,
    nothing is set aside, and a contract is made."""
    town, village = await pair(space)
    made = await town.publish(TOWN, CONTENT)
    federation = village.services.federation.service
    moved = await move(space, town, TOWN, village)
    told = await federation.refresh(VILLAGE, moved.new)
    assert (told.error, told.set_aside) == (None, 0)
    found = await village.api.get(f"/api/v1/participants/{VILLAGE}/find")
    kept = [(hit["provider"], hit["dataset"]) for hit in found["results"] if hit["source"] == "copy"]
    assert kept == [(moved.new, made["dataset"])]
    assert (await village.negotiate(VILLAGE, moved.new, made["dataset"]))["state"] == "FINALIZED"


async def test_its_partner_knows_it_once_and_by_its_name(space: Space) -> None:
    """>> agreed, then the provider moves << the partner sees one town of that name, with the contract, in the list, the
    picture and where it asks by name; not a second one that is suspended."""
    town, village = await pair(space)
    made, _ = await town.publish(TOWN, CONTENT), await agreed(town, village)
    moved = await move(space, town, TOWN, village)
    partners, db = on_demand(village.services).partners, village.services.infra.db
    (one,) = await db.read(VILLAGE, partners.all, VILLAGE)
    assert (one.entry.did, one.gives, one.gets, one.met_at is not None) == (moved.new, 1, 0, True)
    assert [bond.provider for bond in await db.read(VILLAGE, partners.bonds, VILLAGE)] == [moved.new]
    wish = {"provider": one.entry.name, "dataset": made["dataset"], "purpose": PURPOSE}
    started = await village.api.post(f"/api/v1/participants/{VILLAGE}/negotiations", wish)
    (case,) = await db.read(
        VILLAGE, lambda tx: tx.all("SELECT counterparty FROM negotiation WHERE id = :id", id=started["id"])
    )
    assert case["counterparty"] == moved.new


@pytest.mark.threat("T118")
async def test_without_the_list_nobody_acts_for_the_town(space: Space) -> None:
    """>> moved, and the list does not say so yet << the new one is a stranger and asks again; the old sends nothing.

    >> the list says so << what was asked for comes.
    """
    town, village = await pair(space)
    agreement = await agreed(town, village)
    before = await village.services.participants.get(VILLAGE)
    moved = await move(space, village, VILLAGE, town, listed=False)
    asked = await village.fetch(VILLAGE, agreement, wait=1)
    assert asked["state"] == "REQUESTED"
    client = village.services.peer
    with pytest.raises(HanseError, match=r"succession\.gone"):
        await client.get(moved.left, town.did(TOWN), f"{town.root(TOWN)}/2025-1/transfers/urn:uuid:a")
    await say(space, before, await village.services.participants.get(VILLAGE))
    await space.reload(town, village)
    found = await village.rested(f"/api/v1/participants/{VILLAGE}/transfers/{asked['id']}")
    assert (found["state"], found["outcome"]) == ("COMPLETED", "received")


async def test_the_whole_way_from_one_provider_to_another(space: Space) -> None:
    """>> contracts in both roles; written out, taken in, handed over, begun; the list says so.

    << the old place answers 410 with the new DID; both go on under their contracts; every bundle, made before or
    after, by either side, holds.
    """
    town, village = await pair(space)
    there = await space.city("there", {})
    given, taken = await agreed(town, village), await agreed_by(village, town)
    before = [await bundle(*one) for one in ((town, TOWN, given), (village, VILLAGE, given), (town, TOWN, taken))]
    await village.api.post(f"/api/v1/participants/{VILLAGE}/comparisons")
    old, root = await town.services.participants.get(TOWN), town.root(TOWN)
    await carried(town, there)
    await say(space, old, await there.services.participants.get(TOWN))
    await space.reload(town, village, there)
    answer = await village.services.infra.http.get(f"{root}/2025-1/catalog/datasets/x")
    assert (answer.status, there.did(TOWN) in answer.body.decode()) == (410, True)
    for city, slug, agreement in ((village, VILLAGE, given), (there, TOWN, taken)):
        received = await city.fetch(slug, agreement)
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), received
        assert Path(received["file"]).read_bytes() == CONTENT
    await ended(there, TOWN, taken, village, VILLAGE)
    await ended(village, VILLAGE, given, there, TOWN)
    for agreement in (given, taken):
        both = [await bundle(there, TOWN, agreement), await bundle(village, VILLAGE, agreement)]
        judged(space, both[0], beside=both[1])
        judged(space, both[1], beside=both[0])
    for data in before:
        judged(space, data)
    for city, slug in ((village, VILLAGE), (there, TOWN)):
        compared = await city.api.post(f"/api/v1/participants/{slug}/comparisons")
        assert [one["state"] for one in compared["comparisons"]] == ["agrees", "agrees"], compared


@pytest.mark.threat("T118")
async def test_a_backup_from_before_the_move_acts_no_more(space: Space) -> None:
    """>> the list names a successor, and the old place works on << it makes no token, and gets nothing."""
    town, village = await pair(space)
    agreement = await agreed(town, village)
    there, old = await space.city("there", {}), await village.services.participants.get(VILLAGE)
    await there.api.post("/api/v1/participants", {"slug": "nachfolger", "name": "N", "kind": MUNICIPALITY})
    await say(space, old, await there.services.participants.get("nachfolger"))
    await space.reload(town, village, there)
    assert (await village.fetch(VILLAGE, agreement, wait=1))["state"] == "REQUESTED"
    with pytest.raises(HanseError, match=r"succession\.gone"):
        await village.services.peer.get(VILLAGE, town.did(TOWN), f"{town.root(TOWN)}/2025-1/transfers/urn:uuid:a")
    assert await town.services.infra.db.read(TOWN, lambda tx: tx.all("SELECT id FROM transfer")) == []


async def test_what_a_partner_asks_for_while_the_town_is_on_its_way_comes_from_the_new_place(space: Space) -> None:
    """>> the town is at rest, its partner asks for data; handed over << they come, once."""
    town, village = await pair(space)
    agreement = await agreed(town, village)
    there, old = await space.city("there", {}), await town.services.participants.get(TOWN)
    leaving = moving(town).departures
    await leaving.begin(TOWN, target.parse((await moving(there).arrivals.expect(TOWN)).target.text))
    base = f"/api/v1/participants/{VILLAGE}"
    fetching = await village.api.post(f"{base}/transfers", {"agreement": agreement})
    assert (await village.api.get(f"{base}/transfers/{fetching['id']}", wait="1"))["state"] == "REQUESTED"
    await carried(town, there)
    await say(space, old, await there.services.participants.get(TOWN))
    await space.reload(town, village, there)
    found = await village.rested(f"{base}/transfers/{fetching['id']}")
    assert (found["state"], found["outcome"]) == ("COMPLETED", "received")
    rows = await there.services.infra.db.read(TOWN, lambda tx: tx.all("SELECT id FROM transfer"))
    assert len(rows) == 1


async def test_a_contract_that_was_asked_for_before_the_move_is_made_with_the_new_place(space: Space) -> None:
    """>> a request that has not left when the town moves << it reaches the new place, which agrees; what the village
    says then goes there too, and both have the contract."""
    town, village = await pair(space)
    made, did = await town.publish(TOWN, CONTENT), town.did(TOWN)
    there, old = await space.city("there", {}), await town.services.participants.get(TOWN)
    circuits = village.services.circuits
    for _ in range(THRESHOLD):
        circuits.failed(VILLAGE, did, village.services.infra.clock.steady())
    base = f"/api/v1/participants/{VILLAGE}/negotiations"
    wish = {"provider": did, "dataset": made["dataset"], "purpose": PURPOSE}
    asked = await village.api.post(base, wish)
    await carried(town, there)
    await say(space, old, await there.services.participants.get(TOWN))
    await space.reload(town, village, there)
    circuits.heard(VILLAGE, did)
    await village.services.infra.db.write(VILLAGE, at_once)
    found = await village.rested(f"{base}/{asked['id']}")
    assert (found["state"], found["counterparty"]) == ("FINALIZED", there.did(TOWN))


def log_of(tx: Tx, did: str, count: int) -> None:
    for _ in range(count):
        audit.append(tx, tx.scope, "publication", None, "system", {"note": "x" * 100}, did=did)


def leaves(tx: Tx) -> list[bytes]:
    query = "SELECT leaf FROM audit_entry WHERE participant = :p ORDER BY leaf_index IS NULL, leaf_index, id"
    return [bytes(row["leaf"]) for row in tx.all(query, p=tx.scope)]


class Partner:
    """The village, which asks for contracts and for data all the while, and remembers what it was told."""

    def __init__(self, village: City, provider: str, dataset: str, agreements: list[str]) -> None:
        self._api, self._base, self._agreements = village.api, f"/api/v1/participants/{VILLAGE}", agreements
        self._provider, self._dataset = provider, dataset
        self.asked, self.over = dict[str, list[str]](negotiations=[], transfers=[]), False
        self._ended = set[str]()

    async def works(self) -> None:
        for agreement in cycle(self._agreements):
            if self.over:
                return
            wish = {"provider": self._provider, "dataset": self._dataset, "purpose": PURPOSE}
            for noun, body in (("transfers", {"agreement": agreement}), ("negotiations", wish)):
                with suppress(Refused):  # while nobody can be reached its offer cannot be looked at
                    made = await self._api.post(f"{self._base}/{noun}", body)
                    self.asked[noun].append(str(made["id"]))

    async def states(self, noun: str) -> list[str]:
        found = [await self._api.get(f"{self._base}/{noun}/{one}") for one in self.asked[noun]]
        return [str(one["state"]) for one in found]

    async def rests(self) -> bool:
        """Whether all that it asked for has ended; what has is not looked at again."""
        for noun, ids in self.asked.items():
            for one in [one for one in ids if one not in self._ended]:
                state = (await self._api.get(f"{self._base}/{noun}/{one}"))["state"]
                if state not in ("FINALIZED", "COMPLETED", "TERMINATED"):
                    return False
                self._ended.add(one)
        return True


@pytest.mark.long
async def test_fifty_agreements_and_ten_thousand_records_move_while_a_partner_works(space: Space) -> None:
    """>> a partner negotiates and fetches before, while and after the town moves << of agreements, transfers and
    records nothing is lost and nothing doubled; every bundle of both sides, from before and after, holds."""
    town, village = await pair(space)
    there = await space.city("there", {})
    made, did = await town.publish(TOWN, CONTENT), town.did(TOWN)
    signed = [str((await village.negotiate(VILLAGE, did, made["dataset"]))["agreement"]) for _ in range(50)]
    for _ in range(10):
        await town.services.infra.db.write(TOWN, log_of, did, 1_000)
    await town.services.operation.maintenance.seal_logs()
    before = [await bundle(town, TOWN, one) for one in signed]
    partner = Partner(village, did, made["dataset"], signed)
    working = asyncio.ensure_future(partner.works())
    await eventually_said(lambda: enough(partner, 5))
    old = await town.services.participants.get(TOWN)
    await carried(town, there)
    await say(space, old, await there.services.participants.get(TOWN))
    await space.reload(town, village, there)
    told = {noun: len(ids) for noun, ids in partner.asked.items()}
    village.services.circuits.heard(VILLAGE, did)
    await eventually_said(lambda: enough(partner, 5, told))
    partner.over = True
    await working
    await village.services.infra.db.write(VILLAGE, at_once)
    await eventually_said(partner.rests)
    assert (await partner.states("transfers")).count("COMPLETED") >= told["transfers"]
    was, now = [await one.services.infra.db.read(TOWN, leaves) for one in (town, there)]
    assert len(was) > 10_000
    assert (now[: len(was)], len(set(now))) == (was, len(now))
    ours, theirs = [
        sorted([row["id"] for row in await city.services.infra.db.read(slug, finalized)])
        for city, slug in ((there, TOWN), (village, VILLAGE))
    ]
    assert set(signed) < set(ours)
    assert ours == theirs
    pids = [row["peer_pid"] for row in await there.services.infra.db.read(TOWN, transfers)]
    assert len(pids) == len(set(pids)) == len(partner.asked["transfers"])
    for city in (there, village):
        await city.services.operation.maintenance.seal_logs()
    for agreement in ours:
        for city, slug in ((there, TOWN), (village, VILLAGE)):
            judged(space, await bundle(city, slug, agreement))
    for data in before:
        judged(space, data)


async def enough(partner: Partner, more: int, than: dict[str, int] | None = None) -> bool:
    """Whether it has been heard so often in either way."""
    return all(len(ids) >= (than or {}).get(noun, 0) + more for noun, ids in partner.asked.items())


def at_once(tx: Tx) -> None:
    """The longer the town was at rest, the longer wait the messages that it did not take: up to five minutes."""
    tx.run("UPDATE outbox SET due_at = 0 WHERE done_at IS NULL")


def finalized(tx: Tx) -> list[Any]:
    return tx.all("SELECT id FROM agreement WHERE participant = :p AND state = 'finalized'", p=tx.scope)


def transfers(tx: Tx) -> list[Any]:
    return tx.all("SELECT peer_pid FROM transfer WHERE participant = :p", p=tx.scope)


def moving(city: City) -> MovingSlice:
    services = city.services
    return assemble(
        services.infra,
        services.participants,
        services.trust.resolver,
        services.evidence.seal_log,
        services.contracts.service,
        services.transfers.service,
    )


async def carried(town: City, there: City) -> None:
    """Everything of the town goes to another provider, who begins with it."""
    leaving, coming = moving(town).departures, moving(there).arrivals
    await leaving.begin(TOWN, target.parse((await coming.expect(TOWN)).target.text))
    archive = b"".join([piece async for piece in leaving.archive(TOWN)])

    async def pieces() -> AsyncIterator[bytes]:
        yield archive

    receipt = (await coming.receive(TOWN, pieces())).arrival.receipt
    await coming.begin(TOWN, await leaving.hand(TOWN, receipt))


async def agreed_by(provider: City, consumer: City) -> str:
    """The village provides, the town consumes."""
    made = await provider.publish(VILLAGE, CONTENT)
    found = await consumer.negotiate(TOWN, provider.did(VILLAGE), made["dataset"])
    assert found["state"] == "FINALIZED"
    return str(found["agreement"])


async def ended(by: City, slug: str, agreement: str, other: City, partner: str) -> None:
    """One side ends it; the other has booked that."""
    uuid = agreement.removeprefix("urn:uuid:")
    await by.api.post(f"/api/v1/participants/{slug}/agreements/{uuid}/end", {"reason": "Umzug."})

    async def over() -> bool:
        found = await other.services.infra.db.read(
            partner, other.services.contracts.service.agreements.named, partner, agreement
        )
        return found.state == "ended"

    await eventually_said(over)


def told(report: Report, role: str, moved: Move) -> None:
    said: Any = report.stated["succession"]
    assert said[role]["did"] == moved.new
    assert any(moved.new in note and moved.old in note for note in report.notes)
