"""Use cases of participants: add one with its keys, find it by address, sign in its name, rotate a key.

Private keys are opened once and kept in memory; every change of keys is a key event in the participant's log, because
did:web has no history of its own (contracts.md 14).
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from connector.audit import store as audit
from connector.audit.entry import KEY, digest
from connector.errors import Defect, Mistake, Unknown
from connector.participants import store
from connector.participants.model import Participant, checked_slug, split_root
from connector.participants.store import KeyRow
from connector.storage.database import PROCESS, Database, Tx
from connector.trust import did as dids
from connector.trust.devca import chain_der
from connector.trust.did import Did
from connector.trust.keys import PURPOSES, KeyRecord, Purpose, SoftwareKey, State, Vault, post_quantum
from connector.verify import jcs

CHANGED = "participants"
SealIssuer = Callable[[str, SoftwareKey, str], str]
"""(DID, seal key, name) -> PEM chain, leaf first; a seal CA after proof of control of the DID (contracts.md 8)."""


class Hosted(msgspec.Struct, frozen=True):
    """A participant with what this process keeps of it in memory."""

    participant: Participant
    keys: tuple[KeyRecord, ...]
    signers: Mapping[Purpose, SoftwareKey]
    document: dict[str, object]
    chain: tuple[bytes, ...]
    """The certificates (DER, leaf first) of the seal key in use; empty if it has none yet."""


class Participants:
    """All participants of this process. `base_url` is where roots begin that nobody chose."""

    def __init__(self, db: Database, vault: Vault, base_url: str, issue_seal: SealIssuer | None) -> None:
        self._db, self._vault, self._base_url, self._issue_seal = db, vault, base_url, issue_seal
        self._by_id: dict[str, Hosted] = {}
        self._by_place: dict[tuple[str, str], Participant] = {}
        self._deepest = 1
        self._documents: dict[str, dict[str, object]] = {}
        self._loading = asyncio.Lock()
        self._news, self._known = 1, 0
        db.listen(CHANGED, self._changed)

    async def load(self) -> None:
        """Reads all participants and opens their keys."""
        async with self._loading:
            await self._read()

    async def _read(self) -> None:
        news = self._news
        hosted: dict[str, Hosted] = {}
        for participant in await self._db.read(PROCESS, store.all_participants):
            rows = await self._db.read(participant.id, store.keys, participant.id)
            hosted[participant.id] = self._host(participant, rows)
        self._by_id, self._known = hosted, news
        self._by_place = {(one.participant.host, one.participant.path): one.participant for one in hosted.values()}
        self._deepest = max((path.count("/") + 1 for _, path in self._by_place), default=1)
        self._documents = {one.participant.did: one.document for one in hosted.values()}

    async def all(self) -> list[Hosted]:
        """While news is being read everybody waits for it: nobody is told of a participant that it does not exist."""
        if self._known != self._news:
            async with self._loading:
                if self._known != self._news:
                    await self._read()
        return list(self._by_id.values())

    async def get(self, slug: str) -> Hosted:
        """Raises Unknown."""
        await self.all()
        if slug not in self._by_id:
            await self.load()
        if slug not in self._by_id:
            raise Unknown("participants.unknown", slug=slug[:80])
        return self._by_id[slug]

    def held(self, slug: str) -> Hosted:
        """Inside a transaction: the participant must have been looked up before."""
        if slug not in self._by_id:
            raise Defect("participants.not-loaded", slug=slug)
        return self._by_id[slug]

    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        """The participant with the longest root that the path begins with, and the rest; None if nobody lives there."""
        await self.all()
        segments = path.split("/", self._deepest)[: self._deepest]
        while segments:
            root = "/".join(segments)
            if (found := self._by_place.get((host, root))) is not None:
                return found, path[len(root) :] or "/"
            segments.pop()
        return None

    def document(self, did: Did) -> dict[str, object] | None:
        """The DID document of a participant that is loaded here; None for everybody else."""
        return self._documents.get(did)

    async def entered_root(self, slug: str, did: str) -> str | None:
        """What an operator entered for a peer: its address if its DID document names no connector, and in any case a
        place below which it may have data sent."""
        return await self._db.read(slug, self.entered, slug, did)

    def entered(self, tx: Tx, slug: str, did: str) -> str | None:
        """The same, inside a transaction."""
        return store.entered_root(tx, slug, did)

    async def enter_peer(self, slug: str, did: str, root: str) -> None:
        """Notes the address of such a peer; raises Mistake if it is no root, PeerError if it is no DID."""
        await self._db.write(slug, store.enter_peer, slug, dids.parse(did), split_root(root)[0])

    async def add(self, slug: str, name: str, kind: str, operator: str, root: str | None) -> Hosted:
        """Creates a participant with its keys; raises Mistake if slug, root or DID are taken or impossible."""
        whole, host, path = split_root(root or f"{self._base_url}/{checked_slug(slug)}")
        participant = Participant(
            id=checked_slug(slug), did=dids.of_root(whole), root=whole, host=host, path=path, name=name.strip() or slug,
            kind=kind, operator=operator.strip() or name, state="active",
        )  # fmt: skip
        return await self.admit(participant)

    async def admit(self, participant: Participant) -> Hosted:
        """The participant as it is described, with its keys; raises Mistake if slug, root or DID are taken."""
        purposes = [purpose for purpose in PURPOSES if purpose != "log-pq" or post_quantum()]
        keys = [self._new_key(participant, purpose) for purpose in purposes]
        await self._db.write(participant.id, _add, participant, keys)
        return await self.get(participant.id)

    async def rotate(self, slug: str, purpose: Purpose) -> Hosted:
        """A new key signs from now on; the old one stays as verification method (trust.md 5.4)."""
        hosted = await self.get(slug)
        await self._db.write(slug, _rotate, hosted.participant, self._new_key(hosted.participant, purpose))
        await self.load()
        return await self.get(slug)

    def _new_key(self, participant: Participant, purpose: Purpose) -> tuple[KeyRecord, bytes]:
        key = SoftwareKey.generate(purpose, participant.did)
        certificate = None
        if purpose == "seal" and self._issue_seal is not None:
            certificate = self._issue_seal(participant.did, key, participant.name)
        return key.record("active", certificate), key.export(self._vault, participant.id)

    def _host(self, participant: Participant, rows: list[KeyRow]) -> Hosted:
        records = tuple(_record(row) for row in rows)
        signers = {
            record.purpose: SoftwareKey.load(self._vault, participant.id, record, row.secret)
            for record, row in zip(records, rows, strict=True)
            if record.state == "active"
        }
        document = dids.document(Did(participant.did), participant.root, records)
        pem = next(record.certificate for record in records if record.kid == signers["seal"].kid)
        return Hosted(participant, records, signers, document, tuple(chain_der(pem)) if pem else ())

    def _changed(self, value: object) -> None:
        self._news += 1


def _record(row: KeyRow) -> KeyRecord:
    return KeyRecord(
        kid=row.kid,
        purpose=msgspec.convert(row.purpose, Purpose),
        state=msgspec.convert(row.state, State),
        public_jwk=msgspec.json.decode(row.public_jwk),
        certificate=row.certificate,
    )


def _row(tx: Tx, participant: str, record: KeyRecord, secret: bytes) -> KeyRow:
    return KeyRow(
        participant=participant, kid=record.kid, purpose=record.purpose, state=record.state,
        public_jwk=msgspec.json.encode(record.public_jwk).decode(), secret=secret, certificate=record.certificate,
        created_at=tx.now, retired_at=None,
    )  # fmt: skip


def _add(tx: Tx, participant: Participant, keys: list[tuple[KeyRecord, bytes]]) -> None:
    if not store.insert_participant(tx, participant):
        raise Mistake("participants.taken", slug=participant.id, root=participant.root)
    for record, secret in keys:
        store.insert_key(tx, _row(tx, participant.id, record, secret))
    _key_event(tx, participant, "created")
    tx.signal(CHANGED)


def _rotate(tx: Tx, participant: Participant, key: tuple[KeyRecord, bytes]) -> None:
    record, secret = key
    for row in store.keys(tx, participant.id):
        if row.purpose == record.purpose and row.state == "active":
            store.set_key_state(tx, participant.id, row.kid, "verify-only")
    store.insert_key(tx, _row(tx, participant.id, record, secret))
    _key_event(tx, participant, f"rotated {record.purpose}")
    tx.signal(CHANGED)


def _key_event(tx: Tx, participant: Participant, event: str) -> None:
    """The document's digest and the document itself, so that an auditor sees which keys held when."""
    records = [_record(row) for row in store.keys(tx, participant.id)]
    document = jcs.encode(dids.document(Did(participant.did), participant.root, records))
    body = {"event": event, "document": digest(document)}
    audit.append(tx, participant.id, KEY, None, "system", body, did=participant.did)
    tx.run(
        "INSERT INTO object (participant, sha256, media_type, body) VALUES (:participant, :sha256, :media_type, :body)"
        " ON CONFLICT DO NOTHING",
        participant=participant.id,
        sha256=digest(document),
        media_type="application/did+json",
        body=document,
    )
