"""The slices without a socket: participants, catalogue, contracts and transfers over one database, a wire between them.

`run` plays the worker with the real handlers, one row after the other, so that a test reads like a transcript and may
bend, lose or refuse any message on its way. What happens next is what the test asks for.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from msgspec.structs import replace

from connector.app.policy_engine import lists, policy_engine
from connector.data.approvals import assemble as approvals
from connector.data.approvals.rules import ApprovalRules
from connector.data.catalogue import assemble as catalogue
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.service import Publication
from connector.data.harvest.supply import ImportedDatasets
from connector.data.sources.model import Source
from connector.exchange.contracts import assemble as contracts
from connector.exchange.contracts.document.render import NamesFor
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.partner import Partner
from connector.exchange.contracts.termination import statement
from connector.exchange.delivery import assemble as delivery
from connector.exchange.delivery import worker
from connector.exchange.delivery.acks import Acks
from connector.exchange.delivery.circuit import Circuits
from connector.exchange.delivery.worker import RetryAfter
from connector.exchange.trace import recorder
from connector.exchange.transfer import assemble as transfer
from connector.exchange.transfer.model import Mode, TransferRow
from connector.foundation.clock import Clock, FakeClock, SystemClock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.ids import new_uuid
from connector.foundation.settings.load import load
from connector.foundation.settings.sections import Signers
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.telemetry import Metrics
from connector.identity.infra import Infra
from connector.identity.jobs.scheduler import Jobs
from connector.identity.jobs.work import Work, together
from connector.identity.participants.model import Participant
from connector.identity.participants.new_keys import SealIssuer
from connector.identity.participants.quota import Quotas
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.development import dev_ca
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey
from connector.identity.trust.keys.vault import Vault
from connector.identity.trust.members import successors
from connector.identity.trust.members.roster import Member
from connector.identity.trust.signers.port import Keeper, Kind
from connector.identity.trust.signers.registry import SignerRegistry
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.surfaces.peer.dsp import negotiations, transfers
from tests.testkit.cities import MUNICIPALITY, PURPOSE
from tests.testkit.shown import as_shown

Bend = Callable[[dict[str, Any]], None]
BASE = "https://localhost:18443"
LEASE_MS = 60_000
_HOUR_MS = 3_600_000
_NEVER_S = 3600.0


class Wire:
    """Hands messages from one town to the other. `sent` is the transcript; the other members are a test's faults."""

    def __init__(self, towns: "Towns") -> None:
        self._towns = towns
        self.sent: list[str] = []
        self.bend: dict[str, Bend] = {}
        """By `@type`: changes the message on its way."""
        self.answers: list[Answer | HanseError] = []
        """Given instead of what the peer would have said, first come first served."""
        self.objects: dict[str, bytes] = {}
        """By SHA-256: served instead of the signed object of that name."""
        self.at_hand = True
        """Whether the peers' DID documents are known without asking; without them every seal takes the errand."""
        self.show: Callable[[str, Mapping[str, object]], Mapping[str, object]] = lambda did, document: document
        """What a town shows as its DID document instead of its own."""

    async def post(self, slug: str, did: str, url: str, body: bytes) -> Answer:
        message = json.loads(body)
        kind = message.get("@type", url.rpartition("/")[2])
        self.sent.append(f"{slug}: {kind}")
        if self.answers:
            return _given(self.answers.pop(0))
        if kind in self.bend:
            self.bend[kind](message)
        try:
            if kind == "termination":
                return await self._towns.stated(slug, did, url, message)
            return _answer(201, await self._towns.receive(slug, did, url, message))
        except PeerError as error:
            return _answer(error.status, _problem(error))

    async def get(self, slug: str, did: str, url: str) -> Answer:
        self.sent.append(f"{slug}: GET")
        if self.answers:
            return _given(self.answers.pop(0))
        return _answer(200, await self._towns.transfer_seen_by(slug, did, url))

    async def partner(self, slug: str, did: str) -> Partner:
        return self._towns.partner(did.rpartition(":")[2])

    async def root(self, slug: str, did: str) -> str:
        return self._towns.partner(did.rpartition(":")[2]).root

    async def hand_in(self, slug: str, did: str, url: str, seal: bytes, second: str = "") -> Answer:
        """A late countersignature, as the door of the public surface takes it."""
        self.sent.append(f"{slug}: countersignature")
        if self.answers:
            return _given(self.answers.pop(0))
        try:
            await self._towns.late(slug, did, url, seal.decode(), second)
        except PeerError as error:
            return _answer(error.status, _problem(error))
        return Answer(204, {}, b"")

    async def document(self, did: str, own: str = "") -> Mapping[str, object]:
        return self.show(did, (await self._towns.participants.get(did.rpartition(":")[2])).document)

    def known_document(self, did: str) -> Mapping[str, object] | None:
        held = self._towns.participants.held(did.rpartition(":")[2])
        return self.show(did, held.document) if self.at_hand else None

    async def fetch(self, hosted: Hosted, did: str, url: str) -> bytes:
        """A signed object, as its keeper gives it to this partner."""
        sha256 = url.rpartition("/")[2]
        if sha256 in self.objects:
            return self.objects[sha256]
        return await self._towns.object(hosted.participant.did, did, sha256)


class ListedKeys:
    """What the trust list says of the keys of a DID: `certificates` and `second`, which a test fills."""

    def __init__(self, name_of: NamesFor) -> None:
        self.called = name_of
        self.certificates: dict[str, tuple[str, ...]] = {}
        self.second: dict[str, dict[str, str]] = {}

    def seal_certificates(self, did: str, own: str = "") -> Sequence[str]:
        return self.certificates.get(did, ())

    def name_of(self, did: str, own: str = "") -> str:
        return self.called(did, own)

    def second_seal_keys(self, did: str, own: str = "") -> Sequence[Mapping[str, str]]:
        return [key for known, key in self.second.items() if known == did]


def _certs(space: Path, hour: int) -> dev_ca.DevelopmentCerts:
    """Those that are there, or a copy of those that this process made once: making takes longer than many a test."""
    certs = dev_ca.DevelopmentCerts(space / "certs")
    if certs.folder.exists():
        return certs
    certs.folder.mkdir(mode=0o700, parents=True)
    for name, content in _certs_of(hour).items():
        (certs.folder / name).write_bytes(content)
    return certs


@cache
def _certs_of(hour: int) -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        certs = dev_ca.create(Path(folder), FakeClock(hour * _HOUR_MS))
        return {file.name: file.read_bytes() for file in certs.folder.iterdir()}


@cache
def _engine() -> PolicyEngine:
    """One for all towns of this process: what it keeps of a policy depends on the policy alone."""
    return policy_engine()


_FIRST_KEYS: dict[tuple[object, ...], list[tuple[KeyRecord, bytes]]] = {}


class _Participants(Participants):
    """With the first keys of a town that this process made once: making takes longer than many a test."""

    def __init__(self, towns: "Towns", issue: SealIssuer, issued: object) -> None:
        """`issued`: under which CA certificates are, and when."""
        super().__init__(towns.db, towns.vault, BASE, issue, SignerRegistry(towns.keepers, 1.0))
        self._issued, self._had = issued, set[str]()

    def fresh(self, participant: Participant) -> list[tuple[KeyRecord, bytes]]:
        if participant.did in self._had:
            return super().fresh(participant)
        self._had.add(participant.did)
        key = self._issued, participant.id, participant.did, participant.name
        if key not in _FIRST_KEYS:
            _FIRST_KEYS[key] = super().fresh(participant)
        return _FIRST_KEYS[key]


class Holders:
    """Who has which role: pseudonyms, which a test fills."""

    def __init__(self) -> None:
        self.roles: dict[str, set[str]] = {}

    def holding(self, tx: Tx, slug: str, role: str) -> frozenset[str]:
        return frozenset(who for who, roles in self.roles.items() if role in roles)


class Towns:
    """Every town of a test lives in `db`; `add` them first.

    The slices are put together as a process does it; network, trust list and data plane are the test's own.
    """

    def __init__(self, db: Database, folder: Path, clock: Clock | None = None) -> None:
        self.db, self.clock = db, clock or SystemClock()
        self._certs = _certs(folder / "space", self.clock.now() // _HOUR_MS)
        self.vault = Vault(bytes(range(32)))
        self.keepers: dict[Kind, Keeper] = {}
        self.keys = ListedKeys(self.name_of)
        self.listed, self.second_keys = self.keys.certificates, self.keys.second
        self.line = successors.Successors(())
        self.requesters: dict[str, Requester] = {}
        self.ends: dict[str, int] = {}
        self.wire, self.circuits, self.people = Wire(self), Circuits(), Holders()
        self.pulls: list[str] = []
        self.pushes: list[str] = []
        self.file_name = "baeume.csv"
        self.late_acks = False
        """Whether answers to our messages are booked only when a test says so (`acks.booked`), or the peer is done."""
        self.infra = Infra(
            settings=replace(load(folder, {}), signers=Signers(deadline_s=3600.0)),
            clock=self.clock,
            db=db,
            http=SafeClient(),
            vault=self.vault,
            metrics=Metrics(),
            me="towns",
        )
        self._assemble(self.infra)

    def _assemble(self, infra: Infra) -> None:
        now = self.clock.now() if isinstance(self.clock, FakeClock) else self.clock.now() // _HOUR_MS
        self.participants = _Participants(self, self._issue, (self._certs.seal_ca.read_bytes(), now))
        self.engine, quotas = _engine(), Quotas(infra.settings.quota)
        rules = ApprovalRules(self.participants, self.people)
        shared = catalogue.assemble(infra, self.participants, self.engine, ImportedDatasets(), self, rules)
        self.catalogue, self.audiences = shared.service, shared.audiences
        approved = approvals.assemble(self.participants, self.catalogue, rules, self.people)
        self.approvals, self.publications, self.widening = approved.service, approved.publications, approved.widening
        self.imports = approved.imports
        contracted = contracts.assemble(
            infra,
            self.participants,
            self.catalogue,
            self.engine,
            members=self.keys,
            lines=self,
            peer=self.wire,
            seal_roots=[x509.load_pem_x509_certificate(self._certs.seal_ca.read_bytes())],
            quotas=quotas,
            approvals=self.approvals,
        )
        self.contracts, self.late_delivery = contracted.service, contracted.late_delivery
        self.terminations, self.termination_delivery = contracted.terminations, contracted.termination_delivery
        moved = transfer.assemble(
            infra,
            self.participants,
            self.contracts,
            self.engine,
            claims=self,
            closure_of=lists().closure_of,
            quotas=quotas,
        )
        self.transfers, self.decisions = moved.service, moved.decisions
        self.access, self.reports = moved.access, moved.reports
        self.enforcement, self.duties = moved.enforcement, moved.duties
        self.acks = Acks(self.db, self.clock, _NEVER_S, _NEVER_S)
        sent = delivery.assemble(
            infra, self.participants, self.wire, self.circuits, self.acks, self.contracts, self.transfers
        )
        plane = Work(handlers={"pull": self._pull, "push": self._push})
        work = together([approved.work, contracted.work, moved.work, sent, plane])
        self.handlers, self.timers = dict(work.handlers), work.timers

    async def add(self, *slugs: str, kind: str = MUNICIPALITY) -> None:
        for slug in slugs:
            hosted = await self.participants.add(slug, slug.title(), kind, "", None)
            did = hosted.participant.did
            self.requesters[did] = Requester(did=did, kind=kind)

    def did(self, slug: str) -> str:
        return self.participants.held(slug).participant.did

    def name_of(self, did: str, own: str = "") -> str:
        """What the trust list calls it."""
        return self.participants.held(self._slug(did)).participant.name

    def partner(self, slug: str) -> Partner:
        """The town as its peers see it."""
        it = self.participants.held(slug).participant
        return Partner(did=it.did, name=it.name, requester=self.requesters[it.did], root=it.root, base=it.base)

    def requester(self, own: str, did: str, now: int) -> Requester | None:
        """What the trust list says: everybody that is in `seekers` belongs, unless `ends` says that it is over."""
        end = self.ends.get(did)
        return None if end is not None and end <= now else self.requesters.get(did)

    def members(self, now: int, own: str = "") -> Sequence[Member]:
        """Everybody of whom `requester` says something."""
        found = [(did, self.requester("", did, now)) for did in self.requesters]
        return [Member(name=self.name_of(did), requester=one) for did, one in found if one is not None]

    def held(self, now: int, own: str = "") -> Mapping[str, Set[str]]:
        """A rule may name whomever it likes."""
        return {}

    def until(self, own: str, did: str, now: int) -> int | None:
        """When memberships end by themselves, of those that are in `ends`."""
        return self.ends.get(did)

    def line_for(self, own: str = "") -> successors.Successors:
        """Who has taken whose place: `line` says so, which a test sets."""
        return self.line

    async def publish(self, slug: str, **wish: Any) -> tuple[Dataset, Offer]:
        """A file under template 3 unless `wish` says otherwise."""
        dataset, offer = await self.publish_freely(slug, source=await self.file(slug), **wish)
        assert offer is not None
        return dataset, offer

    async def publish_freely(self, slug: str, **wish: Any) -> tuple[Dataset, Offer | None]:
        """The same of any kind, also without a file or an offer."""
        base: dict[str, Any] = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
        wanted = Publication(**{**base, **wish})
        return await self.db.write(slug, self.catalogue.publish, slug, wanted, released=wanted.personal)

    async def file(self, slug: str, sha256: str = "0" * 64) -> str:
        """A registered file, by its id."""
        source = Source(
            id=new_uuid(),
            kind="file",
            location=sha256,
            name=self.file_name,
            media_type="text/csv",
            bytes=8,
            sha256=sha256,
        )
        await self.db.write(slug, self.catalogue.register, slug, source)
        return source.id

    async def ask(
        self, consumer: str, provider: str, made: tuple[Dataset, Offer], purpose: str | None = PURPOSE
    ) -> NegotiationRow:
        """The consumer asks for an offer exactly as the catalogue shows it; nothing is delivered yet."""
        wish = self.partner(provider), made[0].id, made[1].for_catalogue(), purpose, None, None, None, as_shown(*made)
        return await self.db.write(consumer, self.contracts.request, consumer, *wish)

    async def concluded(self, consumer: str, provider: str, **wish: Any) -> Agreement:
        """A dataset of the provider, negotiated to the end; the consumer's agreement."""
        asked = await self.ask(consumer, provider, await self.publish(provider, **wish))
        await self.run()
        return await self.agreement(consumer, (await self.case(consumer, asked.id)).agreement)

    async def fetch(self, consumer: str, provider: str, agreement: Agreement, mode: Mode = "pull") -> TransferRow:
        """The consumer asks for the data of an agreement; nothing is delivered yet."""
        partner = self.partner(provider)
        return await self.db.write(
            consumer, self.transfers.request, consumer, partner, agreement.id, PURPOSE, None, mode
        )

    async def process(self, slug: str, process_id: str | None) -> TransferRow:
        assert process_id is not None
        return await self.db.read(slug, self.transfers.get, slug, process_id)

    async def run(self, rows: int = 100) -> None:
        """Lets the worker handle due rows, oldest first, until none is due or `rows` are done."""
        for _ in range(rows):
            claimed = await self.db.write(WORKER, outbox.claim, "towns", 1, LEASE_MS)
            if not claimed:
                return
            await self._handle(claimed[0])

    async def tick(self, db: Database | None = None) -> None:
        """Lets the timers that are due fire, in the process behind `db`, and what follows be handled."""
        await Jobs(db or self.db, self.clock, "towns", self.timers, {}, {}).tick()
        await self.run()

    async def hurry(self) -> None:
        """Makes everything that waits due now, and lets it be handled."""
        await self.db.write(WORKER, _due_now)
        await self.run()

    async def case(self, slug: str, case_id: str) -> NegotiationRow:
        return await self.db.read(slug, self.contracts.get, slug, case_id)

    async def agreement(self, slug: str, agreement_id: str | None) -> Agreement:
        assert agreement_id is not None
        return await self.db.read(slug, self.contracts.agreements.get, slug, agreement_id)

    async def rows(self, slug: str, sql: str, **values: object) -> list[dict[str, Any]]:
        """What the database holds for this participant."""

        def look(tx: Tx) -> list[dict[str, Any]]:
            return [dict(row) for row in tx.all(sql, participant=slug, **values)]

        return await self.db.read(slug, look)

    async def receive(self, sender: str, did: str, url: str, message: dict[str, Any]) -> object:
        """What the handler of the public surface does after the token was checked."""
        slug = self._slug(did)
        cls = getattr(m, message["@type"])
        decoded, digest = codec.decode(cls, message), codec.digest(message)
        noun, pid = url.rpartition("/2025-1/")[2].split("/")[:2]
        service: Any = self.contracts if noun == "negotiations" else self.transfers
        first = {"request": "receive_request", "offers": "receive_offer"}.get(pid)
        about = [] if first else [unquote(pid)]
        body = json.dumps(message).encode()
        heard = recorder.Heard(did=self.did(sender), pid="".join(about), body=body, value=message)
        take: Callable[..., Any] = getattr(service, first or "receive")
        who = self.partner(sender)

        def unit(tx: Tx) -> Any:
            return recorder.hearing(tx, slug, heard, take, slug, who, *about, decoded, digest)

        found = await self.db.write(slug, unit)
        if isinstance(found, HanseError):
            raise found
        return negotiations.shown(found.case) if noun == "negotiations" else transfers.shown(found)

    async def stated(self, sender: str, did: str, url: str, message: dict[str, Any]) -> Answer:
        """What the door for statements of an end does after the token was checked."""
        slug, told = self._slug(did), statement.read(message)
        judge = await self.termination_delivery.judge(slug, self.did(sender), told)
        name = unquote(url.split("/")[-2])
        _, new = await self.db.write(slug, self.terminations.receive, slug, self.did(sender), name, told, judge)
        return _answer(201 if new else 200, {})

    async def late(self, sender: str, did: str, url: str, seal: str, second: str = "") -> None:
        """What the door for late countersignatures does after the token was checked."""
        slug, agreement = self._slug(did), f"urn:uuid:{url.split('/')[-2]}"
        arriving = self.contracts.countersigning.arriving
        found = await self.db.write(slug, arriving, slug, agreement, self.did(sender), seal)
        if found is not None:
            await self.late_delivery.receive(slug, *found, seal, second)

    async def transfer_seen_by(self, sender: str, did: str, url: str) -> object:
        slug, pid = self._slug(did), unquote(url.rpartition("/")[2])
        return transfers.shown(await self.db.read(slug, self.transfers.get, slug, pid, self.did(sender)))

    async def object(self, asker: str, keeper: str, sha256: str) -> bytes:
        slug = self._slug(keeper)
        return (await self.db.read(slug, self.contracts.agreements.object_for, slug, sha256, asker)).body

    def _slug(self, did: str) -> str:
        return did.rpartition(":")[2]

    def _issue(self, did: str, key: SoftwareKey, name: str) -> str:
        ca = dev_ca.load(self._certs.seal_ca, self._certs.seal_ca_key)
        return dev_ca.issue_seal_certificate(ca, did, key.public_key(), name, self.clock)

    async def _pull(self, row: OutboxRow) -> None:
        self.pulls.append(row.participant)
        await self.db.write(row.participant, outbox.finish, row)

    async def _push(self, row: OutboxRow) -> None:
        self.pushes.append(row.participant)
        await self.db.write(row.participant, outbox.finish, row)

    async def _handle(self, row: OutboxRow) -> None:
        try:
            await self.handlers[row.kind](row)
            if not self.late_acks:
                await self.acks.booked()
        except Unavailable as error:
            due_at = error.at if isinstance(error, RetryAfter) else self.clock.now() + LEASE_MS
            await self.db.write(row.participant, worker.postpone, row, due_at, error)
        await asyncio.sleep(0)


def _due_now(tx: Tx) -> None:
    tx.run("UPDATE outbox SET due_at = 0 WHERE done_at IS NULL")


def _given(answer: Answer | HanseError) -> Answer:
    if isinstance(answer, HanseError):
        raise answer
    return answer


def _answer(status: int, value: Any) -> Answer:
    return Answer(status, {}, codec.encode(value) if not isinstance(value, dict) else json.dumps(value).encode())


def _problem(error: PeerError) -> dict[str, object]:
    return {"code": error.code, "reason": [error.code, error.code]}
