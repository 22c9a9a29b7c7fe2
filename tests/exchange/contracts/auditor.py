"""What an auditor has from outside a bundle."""

from pathlib import Path

from connector.exchange.contracts.document.translation import Translations
from connector.exchange.contracts.evidence.service import Evidence
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.roots import roots_pem
from tests.testkit.towns import Towns


async def auditor(towns: Towns, folder: Path) -> tuple[Evidence, bytes]:
    """The service with a trust list that names both towns, and the roots an auditor is given."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    now = towns.clock.now()
    entries = [
        entry(
            did=hosted.participant.did,
            name=hosted.participant.name,
            operator="",
            kind=hosted.participant.kind,
            valid_from="2020-01-01T00:00:00Z",
            keys=hosted.keys,
        )
        for hosted in await towns.participants.all()
    ]
    issued = authority.issue(
        next_list(None, authority=authority.id, now=now, life_ms=10**9, participants=tuple(entries))
    )
    pem = (folder / "space" / "certs" / "seal-ca.pem").read_text()
    names = {one.did: one.name for one in entries}
    translations = Translations(towns.engine, lambda did, own: names.get(did, did))
    evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: issued, translations=translations)
    return evidence, roots_pem([pem], authority.public_jwk).encode()
