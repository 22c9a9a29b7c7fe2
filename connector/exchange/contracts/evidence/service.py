"""The evidence bundle of an agreement, made on demand: the log is sealed first, then everything is read at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import log_records
from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import draft, second_seal
from connector.exchange.contracts.document.sealing import Reference, address, canonical
from connector.exchange.contracts.document.sealing import seal as seal_by
from connector.exchange.contracts.document.translation import Translations
from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.evidence.certificates import Certificates
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.foundation.clock import Clock
from connector.foundation.errors import Mistake, Unavailable, Unknown
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.audit import disclose
from connector.identity.audit import sealer as seal
from connector.identity.participants.service import Hosted, Participants

TRIES, PAUSE_S = 20, 0.1
KEPT_MANIFESTS = 256
AT_ONCE = 4
"""Bundles that are put together at the same time, in threads of their own: there they wait for the seal of their
manifest, which itself may need a thread of the process (to look up the keeper's name)."""


class Watched(Protocol):
    """The witnesses of a log."""

    async def settled(self, hosted: Hosted) -> bool:
        """Whether the log may be sealed now."""

    async def sealed(self, hosted: Hosted) -> None:
        """Marks beside the database what was just sealed: one that comes back from a backup is then told from it."""

    async def vouched(self, hosted: Hosted) -> None:
        """Asks them for the newest state; returns soon, whatever they say."""


class Evidence:
    """`trust_list` gives the list in force by which a participant (a DID) goes and that names two others, as a JWS;
    without `watched` nobody witnesses logs.

    Without `translations` the text is in a bundle in German alone.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        trust_list: Callable[[str, Sequence[str]], str],
        watched: Watched | None = None,
        translations: Translations | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._db, self._clock, self._participants, self._trust_list = db, clock, participants, trust_list
        self._watched, self._translations = watched, translations
        self._certificates = certificates or Certificates(None, clock, ())
        self._manifests: dict[tuple[str, bytes, bytes], str] = {}
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="bundle")

    async def stop(self) -> None:
        """Nobody is asked about certificates any more."""
        await self._certificates.stop()

    async def bundle(self, slug: str, agreement_id: str) -> bytes:
        """The ZIP; raises Unknown, or Mistake while the agreement is not final."""
        hosted = await self._participants.get(slug)
        parts = await self._sealed(hosted, agreement_id)
        signer, loop = sealer(hosted), asyncio.get_running_loop()

        def manifest_seal(manifest: bytes) -> str:
            """Once per manifest: a key elsewhere takes time, and money with some who keep it; partners ask as well."""
            known = signer.key.kid, signer.chain[0], manifest
            if known in self._manifests:
                return self._manifests[known]
            place = address(signer.root, manifest)
            reference = Reference(place, manifest, "application/json")
            sealing = seal_by([reference], signer.key, signer.chain, self._clock.now() // 1000)
            jws = asyncio.run_coroutine_threadsafe(sealing, loop).result()
            if len(self._manifests) >= KEPT_MANIFESTS:
                self._manifests.clear()
            self._manifests[known] = jws
            return jws

        shown = await asyncio.to_thread(_shown, parts.text)
        certified = await self._certificates.members(parts, hosted.participant.did)
        whole = msgspec.structs.replace(parts, more={**parts.more, **shown, **certified})
        return await loop.run_in_executor(self._threads, export.bundle, whole, manifest_seal)

    async def _sealed(self, hosted: Hosted, agreement_id: str) -> export.EvidenceParts:
        """Seals, then reads; on PostgreSQL a record waits for transactions from before it (spec/records.md 2.3)."""
        again = False
        for _ in range(TRIES - 1):
            try:
                return await self._read(hosted, agreement_id, again)
            except Unavailable as waits:
                again = waits.code == export.EARLY
                await asyncio.sleep(PAUSE_S)
        return await self._read(hosted, agreement_id, again)

    async def _read(self, hosted: Hosted, agreement_id: str, again: bool) -> export.EvidenceParts:
        slug = hosted.participant.id
        await self._db.write(slug, self._tell, hosted, agreement_id, again)
        await self._vouched(hosted)
        return await self._db.read(slug, self._parts, hosted, agreement_id)

    def _tell(self, tx: Tx, hosted: Hosted, agreement_id: str, again: bool) -> None:
        """Says in the log how far the bundle will go; a crash from here on leaves what is true, for the next bundle."""
        agreement = self._final(tx, hosted.participant.id, agreement_id)
        did = hosted.participant.did
        disclose.tell(tx, agreement.participant, agreement.id, did=did, again=again)

    async def _vouched(self, hosted: Hosted) -> None:
        await self.seal_log(hosted)
        if self._watched is not None:
            await self._watched.vouched(hosted)

    async def seal_log(self, hosted: Hosted) -> None:
        """All entries of the participant's log under a signed root; nothing while its witnesses are asked first."""
        participant = hosted.participant
        if self._watched is not None and not await self._watched.settled(hosted):
            return
        signers = [signer for purpose, signer in hosted.signers.items() if purpose in ("log", "log-pq")]
        await seal.seal(self._db, participant.id, participant.root, signers)
        if self._watched is not None:
            await self._watched.sealed(hosted)

    @long
    def _parts(self, tx: Tx, hosted: Hosted, agreement_id: str) -> export.EvidenceParts:
        return self._gathered(tx, hosted, self._final(tx, hosted.participant.id, agreement_id))

    def _final(self, tx: Tx, slug: str, agreement_id: str) -> Agreement:
        agreement = store.agreement(tx, slug, agreement_id)
        if agreement is None:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        if agreement.provider_jws is None or not agreement.concluded:
            raise Mistake("contracts.not-final", state=agreement.state)
        return agreement

    def _gathered(self, tx: Tx, hosted: Hosted, agreement: Agreement) -> export.EvidenceParts:
        slug, current = hosted.participant.id, canonical(hosted.document)
        objects = {name: item.body for name, item in object_store.objects(tx, slug, agreement.negotiation).items()}
        assert agreement.provider_jws is not None
        firsts, listed = (
            log_records.sealed(tx, agreement),
            self._trust_list(hosted.participant.did, (hosted.participant.did, agreement.counterparty)),
        )
        named = {
            role: object_store.known_object(tx, slug, sha256)
            for role, sha256 in log_records.seconds(tx, agreement).items()
        }
        logged = {role: item.body for role, item in named.items() if item is not None}
        vouching = export.policy_of(listed, hosted.participant.did, agreement.parties)
        log = export.log_evidence(tx, slug, agreement.id, vouching)
        said = self._translations
        return export.EvidenceParts(
            agreement=agreement.document,
            text=objects[draft.TEXT],
            profile=objects[draft.PROFILE],
            dataset=objects[draft.DATASET],
            approval_provider=objects[draft.APPROVAL["provider"]],
            approval_consumer=objects.get(draft.APPROVAL["consumer"]),
            provider_jws=agreement.provider_jws,
            consumer_jws=firsts["consumer"],
            provider_document=objects["did-provider.json"],
            consumer_document=objects["did-consumer.json"],
            trust_list=listed,
            log=log,
            more={
                **statement.members(objects, agreement, log.records, export.standing_for(listed)),
                **second_seal.members(objects, firsts, listed, logged),
                **({} if said is None else said.members(tx, hosted, agreement, objects)),
            },
            exporter_document=None if current == objects[f"did-{agreement.role}.json"] else current,
        )


def _shown(text: bytes) -> Mapping[str, bytes]:
    """On a thread, which also loads what makes it."""
    from connector.exchange.contracts.document import pdf

    return pdf.members(text)
