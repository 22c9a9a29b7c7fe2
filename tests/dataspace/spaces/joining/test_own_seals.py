"""What a member makes of what its authority says of its seal certificates, whatever that says."""

import msgspec
import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.documents import CertificateStanding
from connector.dataspace.spaces.joining import own_seals
from connector.dataspace.spaces.model import Joined, Keys, Rules
from connector.dataspace.spaces.seal_model import OwnSeal
from connector.foundation.errors import PeerError
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.trust_list import Sealing
from tests.testkit.towns import Towns

TOWN = "musterstadt"
SEAL, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64


def row(**seals: OwnSeal) -> Joined:
    return Joined(
        participant=TOWN,
        space="https://k.example/space",
        name="K",
        did="did:web:k.example",
        authority="urn:k",
        jwk={},
        list_url="https://k.example/space/list",
        rules=Rules(),
        state="member",
        document="",
        application="",
        reason="",
        told="",
        asked_at=1,
        changed_at=1,
        seals=seals,
    )


def test_it_waits_for_what_the_list_does_not_name_and_it_still_names() -> None:
    """>> three names, one of them in the list, one over; another one was refused, and one is named no more << waiting
    for one; the no stays while it is named; again the same."""
    before = row(**{OTHER: OwnSeal(state="refused", reason="x"), "d" * 64: OwnSeal()})
    over = Sealing("e" * 64, valid_until="2026-01-01T00:00:00Z")
    keys = Keys(seal_certificates=(SEAL, OTHER, THIRD, over))
    after = own_seals.told(before, keys, frozenset({THIRD}))
    assert after.seals == {SEAL: OwnSeal(), OTHER: OwnSeal(state="refused", reason="x")}
    assert own_seals.waits(after)
    assert own_seals.told(after, keys, frozenset({THIRD})) == after
    assert not own_seals.waits(replace(after, state="left"))


@pytest.mark.on_both
async def test_what_was_decided_is_booked_once(towns: Towns) -> None:
    """>> an answer with a no for ours, a yes for one that nobody asked about; the same again; one of before the newest
    word << booked, in the log once; the rest is nothing."""
    hosted = await towns.participants.get(TOWN)
    first = await towns.db.write(TOWN, joined_store.put, row(**{SEAL: OwnSeal(), OTHER: OwnSeal()}), None)
    no = CertificateStanding(sha256=SEAL, state="refused", reason="Nein.\u202e\n" + "x" * 480)
    answer = [no, CertificateStanding(sha256=OTHER, state="waiting"), CertificateStanding(sha256=THIRD, state="listed")]
    for _ in range(2):
        await towns.db.write(TOWN, own_seals.book, hosted, first, answer)
    found = await towns.db.read(TOWN, joined_store.joined, TOWN, first.space)
    assert found is not None
    assert found.seals == {SEAL: OwnSeal(state="refused", reason="Nein. " + "x" * 480), OTHER: OwnSeal()}
    await towns.db.write(TOWN, own_seals.book, hosted, first, [CertificateStanding(sha256=OTHER, state="listed")])
    assert (await towns.db.read(TOWN, joined_store.joined, TOWN, first.space)) == found
    assert await towns.db.read(TOWN, events) == 1


def events(tx: Tx) -> int:
    rows = tx.all("SELECT record FROM audit_entry WHERE participant = :p AND type = 'space'", p=TOWN)
    return sum(b'"seal refused"' in bytes(one["record"]) for one in rows)


def test_what_makes_no_sense_is_refused() -> None:
    for body in (b"{}", b"[1]", msgspec.json.encode([{"sha256": "A" * 64, "state": "listed"}]), b"[" * 900):
        with pytest.raises(PeerError):
            own_seals.read(Answer(200, {}, body))
