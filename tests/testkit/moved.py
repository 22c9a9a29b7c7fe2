"""A town that has come from another provider, without the archive: its rows stay where they are and get the new place.

What is left behind is a participant of its own that has moved, at the old root, with the old keys. The trust list says
so from `since` on, unless a test wants it to say something else.
"""

import asyncio
from typing import NamedTuple

import msgspec

from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import Tx
from connector.identity.audit import origins
from connector.identity.participants import keys, store, succession
from connector.identity.participants.model import Moved, Participant, split_root
from connector.identity.participants.new_keys import SealIssuer
from connector.identity.participants.service import Hosted
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.signing import PURPOSES, KeyRecord, SoftwareKey, Vault, post_quantum
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.successors import Step, Successors
from connector.identity.trust.members.trust_list import Entry, Predecessor
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import City, Space
from tests.testkit.towns import Towns

LEFT = "ehemals"


class Move(NamedTuple):
    """Both DIDs, and the short name of what was left behind."""

    old: str
    new: str
    left: str


async def move(space: Space, city: City, slug: str, *others: City, listed: bool = True) -> Move:
    """`slug` of this city works under a new root from now on; `others` read the new list, too."""
    services = city.services
    hosted = await services.participants.get(slug)
    place = DevelopmentSpace(space.folder / "certs", space.clock)
    new = await services.infra.db.write(slug, _moved_in, hosted)
    left = f"{LEFT}-{slug}"
    vault = services.infra.vault
    await services.infra.db.write(left, _left_behind, hosted, left, new.did, vault)
    fresh = _fresh(new, place.seal)
    await services.infra.db.write(slug, _equipped, new, fresh, vault)
    await services.participants.catch_up()
    await services.infra.db.write(slug, services.contracts.service.after_move, slug)
    await services.infra.db.write(slug, services.transfers.service.after_move, slug)
    if listed:
        await say(space, hosted, await services.participants.get(slug))
        await space.reload(city, *others)
    return Move(hosted.participant.did, new.did, left)


async def say(space: Space, before: Hosted, after: Hosted) -> None:
    """The list names the new one as the successor of the old one, whose membership is over."""
    now = space.clock.now()
    old, new = before.participant, after.participant

    def entries(begin: str) -> list[Entry]:
        made = [
            entry(did=one.did, name=one.name, operator=one.operator, kind=one.kind, valid_from=begin, keys=held)
            for one, held in ((old, before.keys), (new, after.keys))
        ]
        gone = msgspec.structs.replace(made[0], valid_until=rfc3339(now + 1000))  # what was sealed this second is older
        return [gone, msgspec.structs.replace(made[1], succeeds=(Predecessor(did=old.did, since=rfc3339(now)),))]

    await asyncio.to_thread(DevelopmentSpace(space.folder / "certs", space.clock).enlist, entries)


async def move_town(towns: Towns, slug: str, *, listed: bool = True) -> Move:
    """The same for a town of `Towns`, where nobody has an address: what is left behind is its DID document."""
    hosted = await towns.participants.get(slug)
    new = await towns.db.write(slug, _moved_in, hosted)
    await towns.db.write(slug, _equipped, new, _fresh(new, towns._issue), towns.vault)
    await towns.participants.catch_up()
    old, document = hosted.participant.did, hosted.document
    towns.requesters[new.did] = Requester(did=new.did, kind=new.kind)
    before = towns.wire.show
    towns.wire.show = lambda did, shown: document if did == old else before(did, shown)
    if listed:
        name_town(towns, old, new.did)
    await towns.db.write(slug, towns.contracts.after_move, slug)
    await towns.db.write(slug, towns.transfers.after_move, slug)
    return Move(old, new.did, "")


def name_town(towns: Towns, old: str, new: str) -> None:
    """The list says that the new one stands in the place of the old one, which belongs no more."""
    towns.line = Successors([Step(old, new, 1)])
    towns.ends[old] = 1


def _moved_in(tx: Tx, hosted: Hosted) -> Participant:
    before = hosted.participant
    root, host, path = split_root(f"{before.root.rpartition('/')[0]}/neu/{before.id}")
    new = msgspec.structs.replace(
        before, did=dids.of_root(root), root=root, host=host, path=path, former=(before.did, *before.former)
    )
    tx.run(
        "UPDATE participant SET did = :did, root = :root, host = :host, path = :path WHERE id = :id",
        id=new.id,
        did=new.did,
        root=new.root,
        host=new.host,
        path=new.path,
    )
    set_former(tx, new.id, *new.former)
    return new


def set_former(tx: Tx, slug: str, *former: str) -> None:
    """The participant had these DIDs before, the newest first, as it arrives with them."""
    text = msgspec.json.encode(former).decode()
    tx.run("UPDATE participant SET former = :former WHERE id = :id", id=slug, former=text)
    store.changed(tx, slug)


def _fresh(new: Participant, seal: SealIssuer) -> list[tuple[KeyRecord, SoftwareKey]]:
    found = []
    for purpose in PURPOSES:
        if purpose == "seal-pq" or (purpose == "log-pq" and not post_quantum()):
            continue
        key = SoftwareKey.generate(purpose, new.did)
        certificate = seal(new.did, key, new.name) if purpose == "seal" else None
        found.append((key.record("active", certificate), key))
    return found


def _equipped(tx: Tx, new: Participant, fresh: list[tuple[KeyRecord, SoftwareKey]], vault: Vault) -> None:
    tx.run("UPDATE key SET state = 'removed' WHERE participant = :id", id=new.id)
    for record, key in fresh:
        store.insert_key(tx, keys.row_of(tx, new.id, record, key.export(vault, new.id)))
    keys.key_event(tx, new, "arrived")
    size = tx.one("SELECT COALESCE(MAX(size), 0) AS n FROM audit_seal WHERE participant = :id", id=new.id)
    assert size is not None
    origins.begin(tx, new.id, new.did, new.root, int(size["n"]), origins.OWN)
    store.changed(tx, new.id)


def _left_behind(tx: Tx, hosted: Hosted, slug: str, heir: str, vault: Vault) -> None:
    """The old row, which answers at the old root and nowhere else."""
    old = msgspec.structs.replace(hosted.participant, id=slug)
    assert store.insert_participant(tx, old)
    for record in hosted.keys:
        if record.state == "active":
            key = hosted.signers[record.purpose]
            store.insert_key(tx, keys.row_of(tx, slug, record, key.export(vault, slug)))
    assert store.set_moved(tx, slug, Moved(heir, tx.now, tx.now + succession.TERM_MS))
    store.changed(tx, slug)
