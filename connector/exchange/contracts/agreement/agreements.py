"""What was agreed: made by the provider, taken over by the consumer, in force once both have finalized.

An agreement outlives its negotiation; transfers, evidence and people ask here, never the negotiation.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from connector.data.catalogue.model import Countersignature, Dataset, Offer
from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import replacement, succession
from connector.exchange.contracts.agreement.records import AgreementRecords
from connector.exchange.contracts.agreement.succession import NOBODY, Line, Lines
from connector.exchange.contracts.document import automatic_seal, draft, render, sealing, second_seal
from connector.exchange.contracts.document.described_data import of_dataset
from connector.exchange.contracts.document.draft import Sealer
from connector.exchange.contracts.document.render import Deadline, Facts, NamesFor
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.document.second_seal import SecondKeysFor
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.partner import Partner
from connector.foundation.errors import Mistake, PeerError, Unavailable, Unknown
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage.database import PROCESS, WORKER, Tx
from connector.foundation.storage.work import COUNTERSIGN, review, timer
from connector.identity.participants import quota
from connector.identity.participants.acting import NEGOTIATE
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.signing import SoftwareKey
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.messages import HANSE
from connector.kernel.protocol.negotiation import State


class Terms(msgspec.Struct, frozen=True):
    """Name of the agreed file, the SHA-256 and the number of its bytes (None: a live source), type and version."""

    name: str
    sha256: str | None
    bytes: int | None = None
    media_type: str = ""
    version: str = ""


PATIENCE_MS = 7 * 86_400_000
"""How long after the agreement a countersignature is waited for unless the settings say otherwise."""

SIGNED = (draft.DATASET, draft.PROFILE)
"""What of the signed objects a decision looks at."""
MOST_SIGNED, LONGEST_SIGNED = 10_000, 1_000
"""Agreements whose terms are kept in memory, and how many characters of such terms: a peer wrote them."""

STRAY_MS = 86_400_000
"""How far the time in a peer's agreement may lie outside the negotiation: clocks differ, and without a zone it is UTC.

Periods of use and deadlines of duties count from it, so it is not the provider's alone to choose.
"""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/?#@%+=,-]*")
"""What a provider may call an agreement: URNs, UUIDs and addresses, in one word that no shell and no page takes for
more than a word, since people are told to type it (decision 0145, threat T116)."""


class Demand(msgspec.Struct, frozen=True):
    """What both seals say about a countersignature: whether it is required, and before when (ms) it must be here."""

    setting: Countersignature
    until: int | None


def ended_at(tx: Tx, participant: str, agreement_id: str) -> int | None:
    """When it ended (ms); None while it goes on, or if it is not known here: then nothing of it is deleted.

    What was never in force is over since it was drawn up: nothing was owed under it.
    """
    found = store.agreement(tx, participant, agreement_id)
    if found is None or found.state == "signed":
        return None
    if found.state == "terminated":
        return found.created_at
    end = found.end
    return end if end is not None and end <= tx.now else None


class Agreements:
    """Agreements of all participants; every method names the participant, itself or by its case."""

    def __init__(
        self,
        participants: Participants,
        catalogue: Catalogue,
        engine: PolicyEngine,
        lines: Lines = NOBODY,
        patience_ms: int = PATIENCE_MS,
        second_keys: SecondKeysFor = second_seal.nobody,
        name_of: NamesFor = render.itself,
    ) -> None:
        self._participants, self._catalogue, self._engine, self._lines = participants, catalogue, engine, lines
        self._patience_ms, self._name_of = patience_ms, name_of
        self.records = AgreementRecords(participants, second_keys)
        self._signed: dict[tuple[str, str, str], tuple[Terms, str]] = {}

    # Reading

    def get(self, tx: Tx, slug: str, agreement_id: str, counterparty: str | None = None) -> Agreement:
        """Of this counterparty, or whoever has legally taken its place; raises Unknown."""
        found = store.agreement(tx, slug, agreement_id)
        asked = counterparty is not None and found is not None
        if found is None or (asked and not succession.after(self._line(slug), found, str(counterparty), tx.now)):
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return found

    def named(self, tx: Tx, slug: str, name: str) -> Agreement:
        """By its id, or by the UUID of one of ours; raises Unknown. Ids that others gave need not be IRIs."""
        return store.agreement(tx, slug, name) or self.get(tx, slug, f"urn:uuid:{name.removeprefix('urn:uuid:')}")

    def running_on(self, tx: Tx, slug: str, dataset: str) -> list[Agreement]:
        """As provider: those on this dataset that are in force and not over by now."""
        return [one for one in store.provided(tx, slug, dataset) if one.end is None or one.end > tx.now]

    def in_force(self, tx: Tx, slug: str, agreement_id: str, counterparty: str) -> Agreement:
        """The finalized agreement with this peer; raises Unknown. Expiry is the policy's word, not this one's.

        Of a successor's first use the log is told here.
        """
        found = self.get(tx, slug, agreement_id, counterparty)
        if found.state == "ended":
            raise Unknown("endings.over", id=agreement_id[:200])
        if not found.in_force:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        self.succeeded(tx, found)
        return found

    def between(self, tx: Tx, slug: str, name: str, did: str) -> Agreement:
        """By its id or UUID, with this peer or the one whose place it has taken; raises Unknown."""
        found = self.get(tx, slug, self.named(tx, slug, name).id, did)
        self.succeeded(tx, found)
        return found

    def acting(self, tx: Tx, agreement: Agreement) -> str:
        """The DID of whoever stands in the counterparty's place now: itself, or its successor."""
        return self.acts(agreement.participant, agreement.counterparty, tx.now)

    def acts(self, slug: str, did: str, now: int) -> str:
        """Who acts for that DID now: whoever has taken its place, else itself."""
        return succession.acting(self._line(slug), did, now)

    def names(self, tx: Tx, did: str) -> tuple[str, ...]:
        """Under which DIDs negotiations and transfers of ours may know that peer, its own first."""
        return succession.names(self._line(tx.scope), did, tx.now)

    def _line(self, slug: str) -> Line:
        """By the lists of that participant's own spaces; by all of them where work is done across participants."""
        everybody = slug in (PROCESS, WORKER)
        return self._lines.line_for("" if everybody else self._participants.held(slug).participant.did)

    def to_replace(self, tx: Tx, slug: str, name: str, did: str, dataset: str) -> str:
        """As consumer: the digest of ours that a new one with that peer may replace; raises Unknown or Mistake."""
        return replacement.ours(tx, self._line(slug), self.named(tx, slug, name), did, dataset)

    def replaceable(self, tx: Tx, slug: str, digest: str | None, did: str, dataset: str) -> str | None:
        """As provider: the same of what a peer names; raises PeerError."""
        return replacement.theirs(tx, self._line(slug), slug, digest, did, dataset)

    def succeeded(self, tx: Tx, agreement: Agreement) -> None:
        """Books that somebody has taken the counterparty's place, once."""
        did = self._participants.held(agreement.participant).participant.did
        succession.book(tx, self._line(agreement.participant), agreement, did)

    def all(self, tx: Tx, slug: str) -> list[Agreement]:
        """The newest 100 agreements."""
        return store.agreements(tx, slug)

    def listed(self, tx: Tx, slug: str, *, over: bool, limit: int, offset: int = 0) -> list[Agreement]:
        """Those that are over (ended, expired, never concluded), or all others; the newest first."""
        return store.listed(tx, slug, over=over, limit=limit, offset=offset)

    def terms(self, tx: Tx, slug: str, agreement: Agreement) -> Terms:
        """What was agreed about the bytes, from the signed snapshot of the dataset."""
        return _terms(agreement, object_store.objects(tx, slug, agreement.negotiation, draft.DATASET))

    def signed(self, tx: Tx, agreement: Agreement) -> tuple[Terms, str]:
        """The terms, and the digest of the concept lists that both sides signed; empty if that is not here.

        Of an agreement in force both are read once: what was signed stays as it is (threat T112).
        """
        key = (agreement.participant, agreement.id, agreement.digest)
        if (known := self._signed.get(key)) is not None:
            return known
        found = object_store.objects(tx, agreement.participant, agreement.negotiation, *SIGNED)
        profile = found.get(draft.PROFILE)
        vocabulary = "" if profile is None else str(msgspec.json.decode(profile.body).get("vocabulary", ""))
        signed = _terms(agreement, found), vocabulary
        if agreement.in_force and len(found) == len(SIGNED) and _length(*signed) <= LONGEST_SIGNED:
            if len(self._signed) >= MOST_SIGNED:
                self._signed.clear()
            self._signed[key] = signed
        return signed

    def demand(self, tx: Tx, agreement: Agreement) -> Demand:
        """By the profile that both sides signed, whatever became of the offer; what does not say so demands it."""
        found = object_store.objects(tx, agreement.participant, agreement.negotiation, draft.PROFILE).get(draft.PROFILE)
        try:
            return _demand(msgspec.json.decode(b"{}" if found is None else found.body))
        except (msgspec.DecodeError, ValueError, AttributeError):
            return Demand("required", None)

    def text(self, tx: Tx, slug: str, agreement: Agreement) -> bytes:
        """The German contract text as signed; raises Unknown before it is here."""
        found = object_store.objects(tx, slug, agreement.negotiation).get(draft.TEXT)
        if found is None:
            raise Unknown("contracts.no-object")
        return found.body

    def sealed(self, tx: Tx, agreement: Agreement) -> dict[str, bytes]:
        """All that the provider's seal is over, by name; raises Unknown before it is here."""
        kept = object_store.objects(tx, agreement.participant, agreement.negotiation)
        if not kept.keys() >= set(automatic_seal.FILES) - {automatic_seal.AGREEMENT}:
            raise Unknown("contracts.no-object")
        bodies = {name: kept[name].body for name in automatic_seal.FILES if name in kept}
        return {**bodies, automatic_seal.AGREEMENT: agreement.document}

    def source(self, tx: Tx, slug: str, agreement: Agreement) -> str:
        """Which source the agreed bytes come from; raises Unknown if the dataset is gone."""
        terms, _ = self.signed(tx, agreement)
        return self._catalogue.source_of(tx, slug, agreement.dataset, terms.version).id

    def moved_on(self, tx: Tx, agreement: Agreement, terms: Terms) -> Reason | None:
        """As provider: what both sides are told if another version than the agreed one is served now; None if not.

        The agreement is never edited: whoever wants the new version makes a new one.
        """
        agreed = terms.version if agreement.role == "provider" else ""
        served = self._catalogue.served(tx, agreement.participant, agreement.dataset, agreed) if agreed else None
        if served is None or served == agreed:
            return None
        return because("endings.other-version", agreed=agreed[:12], served=served[:12])

    def unentrusted(self, tx: Tx, slug: str, action: str) -> Reason | None:
        """Why nobody may do that for the participant now (spec/mandates.md 4); None: somebody may."""
        fault = self.barred(tx, slug, action)
        return None if fault is None else because(fault.code, **fault.facts)

    def barred(self, tx: Tx, slug: str, action: str) -> Unavailable | None:
        """The same as an error: it may be otherwise later."""
        try:
            self._participants.require(tx, slug, action)
        except Unavailable as fault:
            return fault
        return None

    def served(self, tx: Tx, slug: str) -> bool:
        """Whether anybody may go on handing out its data."""
        return self._participants.serves(tx, slug)

    def accessed(self, tx: Tx, agreement: Agreement) -> bool:
        """As provider: it is used now; True for the first time only."""
        return agreement.first_access is None and store.first_access(tx, agreement.participant, agreement.id)

    def object_for(self, tx: Tx, slug: str, sha256: str, counterparty: str) -> EvidenceObject:
        """A signed object, only for the partner of a negotiation that refers to it; raises Unknown."""
        for did in self.names(tx, counterparty):
            if (found := object_store.object_for_partner(tx, slug, sha256, did)) is not None:
                return found
        raise Unknown("contracts.no-object")

    # Steps of a negotiation, inside its transaction

    def deal(self, policy: dict[str, Any]) -> str:
        """The digest of a peer's policy; PeerError names what is not valid in it."""
        try:
            return self._engine.digest(policy)
        except PolicyError as fault:
            raise PeerError("contracts.policy", pointer=fault.pointer or "/", why=fault.code) from fault

    def worded(self, policy: dict[str, Any]) -> bool:
        """Whether all of a policy can be said in sentences."""
        return bool(self._engine.clauses(policy, "de"))

    def draw_up(
        self, tx: Tx, case: NegotiationRow, agreement_id: str, partner: Partner, offer: Offer, dataset: Dataset
    ) -> tuple[Agreement, dict[str, Any]]:
        """As provider: write and seal the contract, and keep what the seal refers to; also the agreement as plain
        members, in the order of the terms, for the wire. The agreement is not saved: its negotiation may be new.

        Without a seal in what comes back its key lies elsewhere, and is asked after the transaction.
        """
        self._participants.require(tx, case.participant, NEGOTIATE)
        hosted = self._participants.held(case.participant)
        me = sealer(hosted)
        until = (tx.now + self._patience_ms) // 1000 * 1000  # as the signed profile says it
        plain = draft.agreement_document(
            case.policy, agreement_id, case.dataset, me.party.did, case.counterparty, tx.now
        )
        drawn = self._made(tx, case, plain, sealing.canonical(plain), None)
        facts = Facts(
            described=of_dataset(dataset, offer.countersignature),
            offer=offer.id,
            purpose=case.purpose,
            provider=render.party(lambda did: self._name_of(did, me.party.did), me.party.did, me.party.name),
            consumer=Party(partner.name, partner.did),
            approved=case.approval,
            agent=None if hosted.acting is None else hosted.acting.carried,
        )
        objects = render.contract(drawn, facts, self._engine, Deadline(offer.countersignature, until))
        self.keep(tx, case, (*objects, *replacement.compared(tx, self._engine, case, plain)))
        covered = draft.refers_to(drawn.document, agreement_id, me.root, objects)
        if isinstance(me.key, SoftwareKey):
            drawn = replace(drawn, provider_jws=sealing.sign(covered, me.key, me.chain, tx.now // 1000))
            self.keep(tx, case, second_seal.made("provider", me, covered, tx.now // 1000))
        if offer.countersignature == "required":
            timer(tx, case.participant, COUNTERSIGN, case.id, until)
        return drawn, plain

    def take(self, tx: Tx, case: NegotiationRow, message: m.ContractAgreementMessage) -> Agreement:
        """As consumer: saved, if it is what we asked this peer for, made since we did (spec/protocol.md 2.3)."""
        plain = message.agreement
        me = self._participants.held(case.participant).participant.did
        parties = (plain["assigner"], plain["assignee"], plain["target"])
        same_deal = self.deal(plain) == self._engine.digest(case.policy)
        if parties != (case.counterparty, me, case.dataset) or not same_deal:
            raise PeerError("contracts.other-agreement")
        if _NAME.fullmatch(plain["@id"]) is None:
            raise PeerError("contracts.agreement-name", id=plain["@id"][:200])
        if not case.created_at - STRAY_MS <= self._engine.signed_at(plain) <= tx.now + STRAY_MS:
            raise PeerError("contracts.agreement-time", at=str(plain["timestamp"])[:40])
        document = draft.canonical_document(plain)
        agreement = self._made(tx, case, plain, document, message.agreement_signature)
        self.add(tx, agreement)
        self.keep(tx, case, second_seal.claimed("provider", message.second_signature))
        self.keep(tx, case, replacement.compared(tx, self._engine, case, plain))
        return agreement

    def keep(self, tx: Tx, case: NegotiationRow, objects: tuple[EvidenceObject, ...]) -> None:
        """What signatures refer to, for this partner alone, on whose account it goes."""
        if objects:
            quota.kept(tx, case.participant, case.counterparty, sum(len(item.body) for item in objects))
            object_store.keep_object(tx, case.participant, case.id, case.counterparty, *objects)

    def countersigned(self, tx: Tx, agreement: Agreement, seal: str | None) -> None:
        store.save_agreement(tx, replace(agreement, consumer_jws=seal))

    def completed(self, tx: Tx, case: NegotiationRow, agreement: Agreement, seal: str) -> None:
        """A one-sided agreement is countersigned; a further agreement record says so (spec/records.md 1.3)."""
        whole = replace(agreement, consumer_jws=seal, state="finalized")
        store.save_agreement(tx, whole)
        self.records.add(tx, case, whole)

    def finalize(self, tx: Tx, case: NegotiationRow, agreement: Agreement | None, evidence: str = "") -> None:
        """In force from now on; nothing happens if it is already, or never came about. `agreement` is that of the case.

        `evidence` is what the provider's FINALIZED said: it commits to the seals that the provider holds, which may
        lack our countersignature, or be over a later one of ours. What it replaces ends only once both sides are final:
        a termination may still cross our FINALIZED.
        """
        if agreement is None:
            return
        if agreement.state == "signed":
            agreement = self._come_into_force(tx, case, agreement, evidence)
        self._conclude(tx, case, agreement)

    def finalized(
        self, tx: Tx, case: NegotiationRow, agreement: Agreement, kept: Mapping[str, EvidenceObject] | None = None
    ) -> None:
        """As provider: the same with a countersignature in `agreement` that is not saved yet. `kept` are the objects of
        the negotiation by name, where this transaction has them all."""
        if agreement.state == "signed":
            agreement = self._come_into_force(tx, case, agreement, "", kept)
        else:
            store.save_agreement(tx, agreement)
        self._conclude(tx, case, agreement)

    def _conclude(self, tx: Tx, case: NegotiationRow, agreement: Agreement) -> None:
        if case.kernel.state is State.FINALIZED and agreement.in_force:
            replacement.conclude(tx, self._participants.held(case.participant).participant.did, agreement)

    def _come_into_force(
        self,
        tx: Tx,
        case: NegotiationRow,
        agreement: Agreement,
        evidence: str,
        kept: Mapping[str, EvidenceObject] | None = None,
    ) -> Agreement:
        both_signed = agreement.provider_jws is not None and agreement.consumer_jws is not None
        said = evidence.partition("#sha256=")[2]
        if both_signed and said:
            both_signed = said == draft.evidence_address("", agreement, agreement.consumer_jws).partition("#sha256=")[2]
        state = "finalized" if both_signed else "one-sided"
        final = replace(agreement, state=state, finalized_at=tx.now)
        store.save_agreement(tx, final)
        self.records.add(tx, case, final, kept)
        return final

    def close(self, tx: Tx, case: NegotiationRow) -> None:
        """An agreement whose negotiation ends before it is final never comes into force.

        Ours counts as final while FINALIZED is on its way; a termination that comes first takes that back.
        """
        agreement = None if case.agreement is None else store.agreement(tx, case.participant, case.agreement)
        if agreement is None or agreement.state == "terminated":
            return
        if agreement.state == "signed" or case.kernel.state is State.TERMINATED:
            store.save_agreement(tx, replace(agreement, state="terminated"))
            review(tx, agreement.participant, agreement.id, tx.now)

    def take_back(self, tx: Tx, case: NegotiationRow) -> None:
        """The consumer refused our FINALIZED for good: to it nothing is in force, so nothing may run under it here.

        A person is asked; a late countersignature finalizes anew.
        """
        agreement = None if case.agreement is None else store.agreement(tx, case.participant, case.agreement)
        if agreement is not None and agreement.in_force:
            store.save_agreement(tx, replace(agreement, state="signed", finalized_at=None))
            review(tx, agreement.participant, agreement.id, tx.now)

    def _made(
        self, tx: Tx, case: NegotiationRow, plain: Mapping[str, Any], document: bytes, seal: str | None
    ) -> Agreement:
        """The agreement of this negotiation, as members and as canonical bytes; not yet saved."""
        return Agreement(
            participant=case.participant,
            id=str(plain["@id"]),
            negotiation=case.id,
            role=str(case.kernel.role),
            counterparty=case.counterparty,
            dataset=case.dataset,
            state="signed",
            document=document,
            digest=digest(document),
            provider_jws=seal,
            consumer_jws=None,
            facts={},
            expires_at=self._engine.expires_at(document, self._engine.signed_at(plain)),
            created_at=tx.now,
            finalized_at=None,
            replaces=case.replaces,
        )

    def add(self, tx: Tx, agreement: Agreement) -> None:
        """Saves a new one, whose negotiation is saved; raises PeerError if its id is taken."""
        if not store.insert_agreement(tx, agreement):
            raise PeerError("contracts.agreement-taken", id=agreement.id[:200])


def _terms(agreement: Agreement, objects: Mapping[str, EvidenceObject]) -> Terms:
    snapshot = objects.get(draft.DATASET)
    body: Any = {} if snapshot is None else msgspec.json.decode(snapshot.body)
    of_bytes = body.get(f"{HANSE}versionOf") == "bytes"
    size = str(body.get("dcat:byteSize", ""))
    return Terms(
        name=str(body.get(f"{HANSE}fileName") or agreement.dataset.rsplit("/", 1)[-1]),
        sha256=str(body[f"{HANSE}version"]) if of_bytes else None,
        bytes=int(size) if of_bytes and size.isascii() and size.isdigit() and len(size) < 16 else None,
        media_type=str(body.get("dcat:mediaType", "")),
        version=str(body.get(f"{HANSE}version", "")),
    )


def _length(terms: Terms, vocabulary: str) -> int:
    return sum(map(len, (terms.name, terms.sha256 or "", terms.media_type, terms.version, vocabulary)))


def _demand(profile: Any) -> Demand:
    setting, until = profile.get("countersignature"), profile.get("countersignBy")
    at = None if not isinstance(until, str) else int(datetime.fromisoformat(until).timestamp() * 1000)
    return Demand(setting if setting in ("preferred", "none") else "required", at)


def sealer(hosted: Hosted) -> Sealer:
    """The participant as signer; raises Mistake if its seal key has no certificate yet."""
    if not hosted.chain:
        raise Mistake("contracts.no-certificate", slug=hosted.participant.id)
    party = Party(hosted.participant.name, hosted.participant.did)
    second = hosted.signers.get("seal-pq")
    return Sealer(party=party, root=hosted.participant.root, key=hosted.seal, chain=hosted.chain, second=second)
