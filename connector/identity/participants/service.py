"""Use cases of participants: add one with its keys, find it by address, sign in its name, rotate or revoke a key.

Of who has not changed nothing is read again, so that one more costs the same whether ten work here or a thousand
(decision 0091). Every change of keys is a key event in the participant's log, because did:web has no history of its own
(spec/contracts.md 5.1).
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from connector.foundation.errors import Defect, Mistake, Unavailable, Unknown
from connector.foundation.storage import at_rest
from connector.foundation.storage.database import PROCESS, SYSTEM, Database, Tx
from connector.foundation.storage.seldom import once
from connector.identity.audit import store as audit
from connector.identity.participants import groups, keys, quota, store
from connector.identity.participants import publisher as publishing
from connector.identity.participants.acting import SERVE, Acting, require
from connector.identity.participants.model import Participant, by_look, checked_name, checked_slug, split_root
from connector.identity.participants.new_keys import NewKeys, SealIssuer
from connector.identity.participants.publisher_details import PublisherChange, PublisherDetails
from connector.identity.participants.signers import Opener, Signers
from connector.identity.participants.store import CHANGED as CHANGED
from connector.identity.participants.store import Change, KeyRow, StoredParticipant
from connector.identity.trust.development.dev_ca import chain_der
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.did import Did
from connector.identity.trust.keys.signing import POST_QUANTUM, KeyRecord, Purpose, Vault, post_quantum
from connector.identity.trust.members.claims import NO_GROUPS, OwnGroups
from connector.identity.trust.signers import certificate, registry, request
from connector.identity.trust.signers.port import Kind, Place, SealKey, jwk_of
from connector.identity.trust.signers.registry import SignerRegistry
from connector.verify.formats import names

Also = Callable[[Tx], None]
Ends = Callable[[Tx], bool]


NOWHERE = SignerRegistry({}, 10.0)
"""No keeper of keys: every seal key lies in this process."""


NOTHING_SAID = PublisherChange()


class Hosted(msgspec.Struct, frozen=True):
    """A participant with what this process keeps of it in memory."""

    participant: Participant
    keys: tuple[KeyRecord, ...]
    signers: Signers
    """The keys in use that lie in this process; the seal key is not among them if it lies elsewhere."""
    document: dict[str, object]
    chain: tuple[bytes, ...]
    """The certificates (DER, leaf first) of the seal key in use; empty if it has none yet."""
    kept: SealKey | None = None
    """The seal key in use if it lies elsewhere."""
    place: Place | None = None
    """Where that is; None: in this process."""
    groups: OwnGroups = NO_GROUPS
    """Groups that the participant keeps itself."""
    acting: Acting | None = None
    """Who acts for it by a mandate, which may be over meanwhile; None: nobody."""

    def require(self, action: str, now: int) -> None:
        """Raises Unavailable unless it acts itself, or a mandate for that is in force at this instant (ms)."""
        require(self.acting, "peer" in self.signers, action, now)

    @property
    def seal(self) -> SealKey:
        """The seal key in use, wherever it lies."""
        return self.signers["seal"] if self.kept is None else self.kept

    @property
    def signer(self) -> Kind | Literal["file"]:
        """Who seals, as the command line names it."""
        return "file" if self.place is None else self.place.signer


class Participants:
    """All participants of this process. `base_url` is where roots begin that nobody chose; `elsewhere` asks those who
    keep seal keys for us; with `pq` new participants get a key for a second seal (ML-DSA-44) too."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        base_url: str,
        issue_seal: SealIssuer | None,
        elsewhere: SignerRegistry = NOWHERE,
        *,
        pq: bool = False,
    ) -> None:
        self._db, self._vault, self._base_url, self._elsewhere = db, vault, base_url, elsewhere
        self._new = NewKeys(vault, issue_seal, pq=pq)
        self._opener = Opener(vault)
        self._by_id: dict[str, Hosted] = {}
        self._by_place: dict[tuple[str, str], Participant] = {}
        self._deepest = 1
        self._documents: dict[str, dict[str, object]] = {}
        self._groups: dict[str, OwnGroups] = {}
        self._revisions: dict[str, int] = {}
        self._loading = asyncio.Lock()
        self._named: dict[str, int] = {}
        """Who has changed since they were read, and the revision since then; 0: as it stands now."""
        self._unnamed = True
        """Whether anybody has changed of whom we were not told who."""
        db.listen(CHANGED, self._changed)

    @property
    def opened(self) -> int:
        """How often a private key was opened."""
        return self._opener.opened

    async def load(self) -> None:
        """Reads all participants, whether they have changed or not."""
        async with self._loading:
            self._revisions.clear()
            self._unnamed = True
            await self._read()

    async def _read(self) -> None:
        """Reads participants that have changed, one by one: the others stay as they are, with their keys open."""
        named, unnamed = self._named, self._unnamed
        self._named, self._unnamed = {}, False
        try:
            slugs = named.keys() | (await self._differing() if unnamed else set())
            for slug in sorted(slugs):
                self._put(slug, await self._db.read(slug, groups.stored, slug))
        except BaseException:
            self._named, self._unnamed = {**named, **self._named}, self._unnamed or unnamed
            raise

    async def _differing(self) -> set[str]:
        """Participants whose revision is another one than when they were read; new and gone ones too."""
        now = await self._db.read(PROCESS, store.revisions)
        return {slug for slug in now.keys() | self._by_id.keys() if now.get(slug) != self._revisions.get(slug)}

    def _put(self, slug: str, found: StoredParticipant | None) -> None:
        """Takes the place of what was kept of it, in all maps at once."""
        fresh = None if found is None else self._host(found)
        if (before := self._by_id.pop(slug, None)) is not None:
            self._by_place.pop((before.participant.host, before.participant.path), None)
            self._documents.pop(before.participant.did, None)
            self._groups.pop(before.participant.did, None)
            self._revisions.pop(slug, None)
            self._opener.forget(record.kid for record in before.keys if fresh is None or record not in fresh.keys)
        if found is None or fresh is None:
            return
        participant = fresh.participant
        if 0 < self._named.get(slug, 0) <= found.revision:  # told of while it was being read
            del self._named[slug]
        self._by_id[slug], self._revisions[slug] = fresh, found.revision
        self._by_place[participant.host, participant.path] = participant
        self._deepest = max(self._deepest, participant.path.count("/") + 1)
        self._documents[participant.did] = fresh.document
        self._groups[participant.did] = fresh.groups

    async def _current(self) -> None:
        """While news is being read everybody waits for it: nobody is told of a participant that it does not exist."""
        while self._named or self._unnamed or self._loading.locked():
            async with self._loading:
                if self._named or self._unnamed:
                    await self._read()

    async def all(self) -> list[Hosted]:
        """Participants that work is done for, in the order of their short names: none that is at rest."""
        return [one for one in await self.everyone() if one.participant.state not in at_rest.STATES]

    async def everyone(self) -> list[Hosted]:
        """All participants, also those that are being moved, have moved or have not arrived yet."""
        await self._current()
        return [self._by_id[slug] for slug in sorted(self._by_id)]

    async def alike(self, slug: str, name: str) -> list[Participant]:
        """Others here whom people would take for the one of this name; two towns may have one name."""
        found = by_look(one.participant for one in await self.everyone())
        return [one for one in found.get(names.seen(name), ()) if one.id != slug]

    async def here(self, slugs: Iterable[str]) -> list[Hosted]:
        """The participants among them that work here, in the same order."""
        await self._current()
        found = [self._by_id[slug] for slug in slugs if slug in self._by_id]
        return [one for one in found if one.participant.state not in at_rest.STATES]

    async def get(self, slug: str) -> Hosted:
        """Raises Unknown."""
        if self._named or self._unnamed or self._loading.locked():
            await self._current()
        if slug not in self._by_id:  # a replica's signal may have got lost
            self._named[slug] = 0
            await self._current()
        if slug not in self._by_id:
            raise Unknown("participants.unknown", slug=slug[:80])
        return self._by_id[slug]

    async def _changed_here(self, slug: str) -> Hosted:
        """After a commit of ours, whose signal may come a moment later."""
        self._named[slug] = 0
        return await self.get(slug)

    async def catch_up(self) -> None:
        """Takes over what other replicas have changed, also if their signal got lost."""
        self._unnamed = True
        await self._current()

    def held(self, slug: str) -> Hosted:
        """Inside a transaction: the participant must have been looked up before."""
        if slug not in self._by_id:
            raise Defect("participants.not-loaded", slug=slug)
        return self._by_id[slug]

    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        """The participant with the longest root that the path begins with, and the rest; None if nobody lives there."""
        await self._current()
        segments = path.split("/", self._deepest)[: self._deepest]
        while segments:
            root = "/".join(segments)
            if (found := self._by_place.get((host, root))) is not None:
                return found, path[len(root) :] or "/"
            segments.pop()
        return None

    def current(self, tx: Tx, slug: str) -> Participant:
        """Inside a transaction: with what it says of itself now, whichever replica was told."""
        participant = self.held(slug).participant
        details = once(tx, store.publisher, slug)
        return participant if details is None else msgspec.structs.replace(participant, publisher=details)

    def require(self, tx: Tx, slug: str, action: str) -> None:
        """Inside a transaction, as `Hosted.require`, by the mandate as it stands now, whichever replica was told.

        What is signed then shows the mandate that this replica knows, so it waits until that is the one in force. Who
        acts itself costs no statement: a partner that sees the agent's key refuses what shows no mandate.
        """
        hosted = self.held(slug)
        if hosted.acting is not None:
            kept = store.acting(tx, slug)
            if kept is None or keys.acting_of(kept) != hosted.acting:
                raise Unavailable("mandates.over" if kept is None else "mandates.other")
        hosted.require(action, tx.now)

    def serves(self, tx: Tx, slug: str) -> bool:
        """Inside a transaction: whether anybody may hand out its data now, whichever replica was told. Nothing is
        signed for that, so what flows here need not stop until this replica has heard of a mandate that took the
        place of another, or of the end of all. Who acts itself costs no statement."""
        hosted = self._by_id.get(slug)
        itself = hosted is not None and hosted.acting is None and "peer" in hosted.signers
        return itself or keys.entrusted(tx, slug, SERVE)

    def acts_itself(self, tx: Tx, slug: str) -> bool:
        """Inside a transaction: whether a key for tokens of its own is in use."""
        return keys.acts_itself(tx, slug)

    def agent_key(self, hosted: Hosted) -> tuple[KeyRecord, bytes]:
        """A fresh key for somebody who is to act for it."""
        return self._new.key(hosted.participant, "agent")

    async def entrust(self, slug: str, acting: Acting, key: tuple[KeyRecord, bytes], also: Also) -> Hosted:
        """The agent's key signs tokens from now on; `also` is done in the same transaction."""
        hosted = await self.get(slug)

        def unit(tx: Tx) -> None:
            keys.entrust(tx, hosted.participant, acting, key)
            also(tx)

        await self._db.write(slug, unit)
        return await self._changed_here(slug)

    async def end_mandate(self, slug: str, ends: Ends, *, own: bool) -> Hosted:
        """Nobody acts for it any more; `own`: from now on it acts itself. `ends` is done in the same transaction, and
        says whether there is anything to end."""
        hosted = await self.get(slug)
        fresh = self._new.key(hosted.participant, "peer") if own else None

        def unit(tx: Tx) -> None:
            store.lock_keys(tx, slug)  # first, as whoever gives a mandate does
            if ends(tx):
                keys.end_mandate(tx, hosted.participant, fresh)

        await self._db.write(slug, unit)
        return await self._changed_here(slug)

    def document(self, did: Did) -> dict[str, object] | None:
        """The DID document of a participant that is loaded here; None for everybody else."""
        return self._documents.get(did)

    def groups(self, own: str) -> OwnGroups:
        """Groups that a participant of ours (a DID) keeps itself, as they were when it was read last."""
        return self._groups.get(own, NO_GROUPS)

    async def entered_root(self, slug: str, did: str) -> str | None:
        """What an operator entered for a peer: its address if its DID document names no connector, and in any case a
        place below which it may have data sent."""
        return await self._db.read(slug, self.entered, slug, did)

    def entered(self, tx: Tx, slug: str, did: str) -> str | None:
        """The same, inside a transaction."""
        return store.entered_root(tx, slug, did)

    async def allow(self, slug: str, did: str, times: int) -> None:
        """So many times the usual quota for this peer; raises PeerError for what is no DID."""
        await self._db.write(slug, quota.allow, slug, dids.parse(did), times)

    async def enter_peer(self, slug: str, did: str, root: str) -> None:
        """Notes the address of such a peer; raises Mistake if it is no root, PeerError if it is no DID."""
        await self._db.write(slug, store.enter_peer, slug, dids.parse(did), split_root(root)[0])

    async def add(
        self, slug: str, name: str, kind: str, operator: str, root: str | None, said: PublisherChange = NOTHING_SAID
    ) -> Hosted:
        """Creates a participant with its keys; one that is here already, just so, stays as it is.

        Raises Mistake if slug, root or DID are another's or impossible, for a name that is not one line of text, for
        what cannot be in `said`, and if a participant that is here says something else of itself.
        """
        whole, host, path = split_root(root or f"{self._base_url}/{checked_slug(slug)}")
        called = checked_name(name.strip() or slug)
        participant = Participant(
            id=checked_slug(slug),
            did=dids.of_root(whole),
            root=whole,
            host=host,
            path=path,
            name=called,
            kind=kind,
            operator=checked_name(operator.strip() or called),
            state="active",
            publisher=publishing.changed(PublisherDetails(), said, kind),
        )
        await self._current()
        known = self._by_id.get(participant.id)
        if known is None or _described(known.participant, participant.publisher) != participant:
            return await self.admit(participant)
        if publishing.changed(known.participant.publisher, said, kind) != known.participant.publisher:
            raise Mistake("participants.other-publisher", slug=participant.id)
        return known

    def place(self, slug: str) -> tuple[str, str]:
        """Root and DID that a participant of this short name would have here; raises Mistake."""
        root = split_root(f"{self._base_url}/{checked_slug(slug)}")[0]
        return root, dids.of_root(root)

    async def change(self, slug: str, said: PublisherChange) -> Hosted:
        """What the participant says of itself for all its datasets; raises Unknown, and Mistake as `add`."""
        hosted = await self.get(slug)
        await self._db.write(slug, _change, hosted.participant, said)
        return await self._changed_here(slug)

    async def admit(self, participant: Participant) -> Hosted:
        """The participant as it is described, with its keys; raises Mistake if slug, root or DID are taken."""
        await self._db.write(participant.id, _add, participant, self.fresh(participant))
        return await self._changed_here(participant.id)

    def fresh(self, participant: Participant) -> list[tuple[KeyRecord, bytes]]:
        """Keys for everything that it signs, in no database yet."""
        return self._new.all(participant)

    async def rotate(self, slug: str, purpose: Purpose) -> Hosted:
        """A new key signs from now on; the old one stays as verification method (spec/trust.md 2.2).

        Raises Mistake for a seal key that lies elsewhere: it is made there and then adopted; and for an algorithm that
        this installation does not have.
        """
        if purpose in POST_QUANTUM and not post_quantum():
            raise Mistake("signers.no-pq", purpose=purpose)
        hosted = await self.get(slug)
        if purpose == "seal" and hosted.place is not None:
            raise Mistake("signers.rotate-there", slug=slug, signer=hosted.place.signer)
        await self._db.write(slug, keys.rotate, hosted.participant, self._new.key(hosted.participant, purpose))
        return await self._changed_here(slug)

    async def revoke(self, slug: str, purpose: Purpose, since: int, reason: str, kid: str | None = None) -> Hosted:
        """What the key of this purpose (`kid`: this one) signs from `since` (milliseconds) on is not ours any more.

        The key in use is replaced in the same step. If a seal key lay elsewhere, or nobody here certifies keys, then
        nothing is sealed until `adopt`. Raises Mistake for a time that cannot be, a key that is not ours, and without
        `kid` for a time before the key in use was made: a repeated call would withdraw the new key.
        """
        if purpose in POST_QUANTUM and not post_quantum():
            raise Mistake("signers.no-pq", purpose=purpose)
        hosted = await self.get(slug)
        named = kid or next((one.kid for one in hosted.keys if (one.purpose, one.state) == (purpose, "active")), None)
        if named is None:
            raise Mistake("participants.no-key", slug=slug, key="", purpose=purpose)
        record, secret = self._new.key(hosted.participant, purpose)
        if purpose == "seal" and hosted.place is not None:
            # Who had their key kept elsewhere does not get a weaker one in use by the way.
            record = msgspec.structs.replace(record, certificate=None)
        withdrawal = keys.Withdrawal(named, purpose, since, reason, certain=kid is not None)
        await self._db.write(slug, keys.withdraw, hosted.participant, withdrawal, (record, secret))
        return await self._changed_here(slug)

    async def certificate_request(self, slug: str) -> str:
        """PKCS#10 (PEM) for the seal key in use, signed by it wherever it lies; raises Unavailable."""
        hosted = await self.get(slug)
        record = next(one for one in hosted.keys if one.kid == hosted.seal.kid)
        participant = hosted.participant
        return await request.write(participant.name, participant.did, keys.public_of(record), hosted.seal)

    async def adopt(self, slug: str, chain: str, place: Place | None) -> Hosted:
        """The key of this certificate seals from now on; `place` says where it lies (None: the key that we have).

        It must seal something now, so that nobody becomes unable to sign by a slip. Raises Mistake for a certificate
        that cannot be used or is another key's, Unavailable if the keeper does not give a good signature.
        """
        hosted = await self.get(slug)
        now = await self._db.read(slug, _now)
        found = certificate.read(chain, now)
        jwk = jwk_of(found.public)
        kid = f"{hosted.participant.did}#{jwk['kid']}"
        if place is None:
            own = hosted.signers.get("seal")
            if own is None or own.kid != kid:
                raise Mistake("signers.other-key", slug=slug)
            secret = own.export(self._vault, slug)
        else:
            key = self._elsewhere.key(kid, found.public, registry.checked(place))
            await key.seal(b"trial " + os.urandom(32))
            secret = self._vault.seal(f"{slug}|{kid}", registry.written(place))
        record = KeyRecord(kid=kid, purpose="seal", state="active", public_jwk=jwk, certificate=found.pem)
        await self._db.write(slug, keys.adopt, hosted.participant, (record, secret))
        return await self._changed_here(slug)

    def _host(self, found: StoredParticipant) -> Hosted:
        participant, records = found.participant, tuple(keys.record_of(row) for row in found.keys)
        sealed: dict[Purpose, tuple[KeyRecord, bytes]] = {}
        kept: tuple[SealKey, Place] | None = None
        acting: Acting | None = None
        for record, row in zip(records, found.keys, strict=True):
            if record.state != "active":
                continue
            place = self._place(participant.id, record, row)
            if row.mandate is not None:
                acting = keys.acting_of(row.mandate)
                sealed["peer"] = record, row.secret
            elif place is None:
                sealed[record.purpose] = record, row.secret
            else:
                kept = self._elsewhere.key(record.kid, keys.public_of(record), place), place
        did, gone = Did(participant.did), participant.moved
        document = dids.document(did, participant.root, records) if gone is None else dids.left(did, gone.did, records)
        key, place = kept or (None, None)
        kid = sealed["seal"][0].kid if key is None else key.kid
        pem = next(record.certificate for record in records if record.kid == kid)
        signers = Signers(self._opener, participant.id, sealed)
        return Hosted(
            participant,
            records,
            signers,
            document,
            tuple(chain_der(pem)) if pem else (),
            key,
            place,
            found.groups,
            acting,
        )

    def _place(self, slug: str, record: KeyRecord, row: KeyRow) -> Place | None:
        """None for a key that lies here. Defect under another master key: said when it is read, not when it signs."""
        secret = self._vault.open(f"{slug}|{record.kid}", row.secret)
        return registry.place_of(secret) if record.purpose == "seal" else None

    def _changed(self, value: object) -> None:
        """`value` is a Change; None where another replica changed somebody, or its signal may have got lost."""
        if not isinstance(value, Change):
            self._unnamed = True
        elif self._revisions.get(value.participant, -1) < value.revision:
            self._named[value.participant] = value.revision


def _described(known: Participant, publisher: PublisherDetails) -> Participant:
    """As whoever adds it describes it, who knows nothing of where it was before."""
    return msgspec.structs.replace(known, publisher=publisher, former=(), moved=None)


def _change(tx: Tx, participant: Participant, said: PublisherChange) -> bool:
    """Whether anything is different now; the log says which fields, for addresses of people do not belong there."""
    before = store.publisher(tx, participant.id, held=True)
    if before is None:
        raise Unknown("participants.unknown", slug=participant.id)
    after = publishing.changed(before, said, participant.kind)
    if after == before:
        return False
    store.set_publisher(tx, participant.id, after)
    fields = sorted(name for name in after.__struct_fields__ if getattr(after, name) != getattr(before, name))
    who = "operator" if tx.actor == SYSTEM else SYSTEM  # who is signed in is noted by the log itself
    audit.append(tx, participant.id, "publication", None, who, {"publisher": fields}, did=participant.did)
    store.changed(tx, participant.id)
    return True


def _now(tx: Tx) -> int:
    return tx.now


def _add(tx: Tx, participant: Participant, fresh: list[tuple[KeyRecord, bytes]]) -> None:
    enter(tx, participant)
    keys.equip(tx, participant, fresh, "created")


def enter(tx: Tx, participant: Participant) -> None:
    """Inserts the participant's row alone; raises Mistake if slug, root or DID are taken."""
    if not store.insert_participant(tx, participant):
        if (gone := store.left(tx, participant)) is not None:
            raise Mistake("leaving.taken", slug=participant.id, root=participant.root, name=gone)
        raise Mistake("participants.taken", slug=participant.id, root=participant.root)
