"""Witnesses in the trust list, and their cosignatures under a state of a town's log."""

from pathlib import Path

import msgspec

from connector.dataspace.witness import cosignatures
from connector.exchange.contracts.evidence.service import Evidence
from connector.foundation.storage.database import Tx
from connector.identity.audit import sealer
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.roots import roots_pem
from connector.identity.trust.members.trust_list import Entry, TrustList, Witness
from tests.testkit.towns import Towns
from tests.verify.forge import Witness as Cosigner

SLUG = "musterstadt"


async def listed(towns: Towns, folder: Path, *cosigners: Cosigner) -> tuple[Evidence, bytes]:
    """The service with a trust list that names both towns and these witnesses, and the roots an auditor is given."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    entries: tuple[Entry, ...] = tuple(
        [
            entry(
                did=hosted.participant.did,
                name=hosted.participant.name,
                operator="did:web:betrieb.example",
                kind=hosted.participant.kind,
                valid_from="2020-01-01T00:00:00Z",
                keys=hosted.keys,
            )
            for hosted in await towns.participants.all()
        ]
    )
    first: TrustList = next_list(
        None, authority=authority.id, now=towns.clock.now(), life_ms=10**9, participants=entries
    )
    witnesses = tuple(msgspec.convert(one.entry(), Witness) for one in cosigners)
    issued = authority.issue(msgspec.structs.replace(first, witnesses=witnesses))
    pem = (folder / "space" / "certs" / "seal-ca.pem").read_text()
    roots = roots_pem([pem], authority.public_jwk).encode()
    return Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: issued), roots


def cosign(tx: Tx, cosigner: Cosigner, at: int) -> int:
    """The witness vouches for the newest state; its size."""
    batch = sealer.latest(tx, SLUG)
    assert batch is not None
    assert batch.checkpoint is not None
    lines = cosigner.cosign(batch.checkpoint, at).removeprefix(batch.checkpoint)
    cosignatures.keep(tx, batch, cosigner.url, lines)
    return batch.size
