"""The evidence bundle of an agreement, made on demand: the log is sealed first, then everything is read at once."""

import asyncio
from collections.abc import Callable

from connector.audit import export, seal
from connector.clock import Clock
from connector.contracts import drafting, store
from connector.contracts.agreements import sealer
from connector.contracts.model import Agreement
from connector.contracts.signing import Reference, address, canonical, sign
from connector.errors import Mistake, Unavailable, Unknown
from connector.participants.service import Hosted, Participants
from connector.storage.database import Database, Tx

TRIES, PAUSE_S = 20, 0.1


class Evidence:
    """`trust_list` gives the authority's list in force as its JWS."""

    def __init__(self, db: Database, clock: Clock, participants: Participants, trust_list: Callable[[], str]) -> None:
        self._db, self._clock, self._participants, self._trust_list = db, clock, participants, trust_list

    async def bundle(self, slug: str, agreement_id: str) -> bytes:
        """The ZIP; raises Unknown, or Mistake while the agreement is not final."""
        hosted = await self._participants.get(slug)
        parts = await self._sealed(hosted, agreement_id)
        signer = sealer(hosted)

        def manifest_seal(manifest: bytes) -> str:
            place = address(signer.root, manifest)
            reference = Reference(place, manifest, "application/json")
            return sign([reference], signer.key, signer.chain, self._clock.now() // 1000)

        return export.bundle(parts, manifest_seal)

    async def _sealed(self, hosted: Hosted, agreement_id: str) -> export.EvidenceParts:
        """Seals, then reads; on PostgreSQL a record waits for transactions that began before it (architecture.md 4)."""
        slug = hosted.participant.id
        for _ in range(TRIES - 1):
            await self.seal_log(hosted)
            try:
                return await self._db.read(slug, self._parts, hosted, agreement_id)
            except Unavailable:
                await asyncio.sleep(PAUSE_S)
        await self.seal_log(hosted)
        return await self._db.read(slug, self._parts, hosted, agreement_id)

    async def seal_log(self, hosted: Hosted) -> None:
        """All entries of the participant's log under a signed root."""
        participant = hosted.participant
        signers = [signer for purpose, signer in hosted.signers.items() if purpose in ("log", "log-pq")]
        await seal.seal(self._db, participant.id, seal.origin(participant.root), signers)

    def _parts(self, tx: Tx, hosted: Hosted, agreement_id: str) -> export.EvidenceParts:
        slug = hosted.participant.id
        agreement = store.agreement(tx, slug, agreement_id)
        if agreement is None:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        if agreement.provider_jws is None or agreement.state not in ("finalized", "one-sided"):
            raise Mistake("contracts.not-final", state=agreement.state)
        return self._gathered(tx, hosted, agreement)

    def _gathered(self, tx: Tx, hosted: Hosted, agreement: Agreement) -> export.EvidenceParts:
        slug, current = hosted.participant.id, canonical(hosted.document)
        objects = {name: item.body for name, item in store.objects(tx, slug, agreement.negotiation).items()}
        assert agreement.provider_jws is not None
        return export.EvidenceParts(
            agreement=agreement.document,
            text=objects[drafting.TEXT],
            profile=objects[drafting.PROFILE],
            dataset=objects[drafting.DATASET],
            approval_provider=objects[drafting.APPROVAL["provider"]],
            approval_consumer=objects.get(drafting.APPROVAL["consumer"]),
            provider_jws=agreement.provider_jws,
            consumer_jws=agreement.consumer_jws,
            provider_document=objects["did-provider.json"],
            consumer_document=objects["did-consumer.json"],
            trust_list=self._trust_list(),
            log=export.log_evidence(tx, slug, agreement.id),
            exporter_document=None if current == objects[f"did-{agreement.role}.json"] else current,
        )
