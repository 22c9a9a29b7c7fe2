"""What became of a request, in four words: asked, checked, signed, ready; and what a person can do about it.

"Ready" means that the file is here. The state of the protocol is for experts and stands beside it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from connector.data.approvals.model import ApprovalRow
from connector.data.approvals.service import Approvals
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.model import Participant
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine
from connector.kernel.protocol.process import Role
from connector.surfaces.requests.service import Requests
from connector.surfaces.views.fields import Sentences, Time, time
from connector.surfaces.views.members import Members
from connector.surfaces.views.negotiation import NegotiationView, negotiation
from connector.surfaces.views.terms import offered
from connector.surfaces.views.transfer import TransferView, transfer

Stage = Literal["requested", "checked", "signed", "ready", "refused", "answer", "approval", "failed"]
"""The four steps; or how it rests: refused, an offer that waits for our answer, an approval of our own house, a
delivery that did not arrive."""
ENDS: Final[frozenset[Stage]] = frozenset({"ready", "refused", "answer", "failed"})
ORDER: Final[tuple[Stage, ...]] = ("requested", "checked", "signed", "ready")
STEP_OF: Final[dict[str, Stage]] = {"AGREED": "checked", "VERIFIED": "signed", "FINALIZED": "signed"}


class ProgressView(Struct, frozen=True, kw_only=True):
    """`done`: how many of the four steps are taken. `arrived` of `size` bytes are here. `help`: what would help after a
    refusal. `approval` with its deadline `until` waits in our own house."""

    negotiation: NegotiationView
    transfer: TransferView | None
    stage: Stage
    done: int
    arrived: int
    size: int | None
    help: Sentences
    approval: str
    until: Time | None

    @property
    def rests(self) -> bool:
        """Whether nothing changes any more by itself."""
        return self.stage in ENDS


class Progress:
    """`file_of` and `arrived_of` say of a transfer where its file lies and how many bytes came so far."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        contracts: Contracts,
        transfers: Transfers,
        approvals: Approvals,
        requests: Requests,
        members: Members,
        engine: PolicyEngine,
        file_of: Callable[[str, str], Path | None],
        arrived_of: Callable[[str, str], int],
    ) -> None:
        self._db, self._clock, self._contracts, self._transfers = db, clock, contracts, transfers
        self._approvals, self._requests, self._members, self._engine = approvals, requests, members, engine
        self._file_of, self._arrived_of = file_of, arrived_of

    async def of(self, own: Participant, name: str) -> ProgressView:
        """A request of ours by its id; raises Unknown, also for what others asked of us."""
        return await self._db.read(own.id, self._of, own, _iri(name))

    async def all(self, own: Participant) -> list[ProgressView]:
        """Those that changed last, without what became of the files."""
        rows = await self._db.read(own.id, self._contracts.all, own.id)
        return [self._shown(own, row, [], None, None) for row in rows if row.kernel.role is Role.CONSUMER]

    def _of(self, tx: Tx, own: Participant, name: str) -> ProgressView:
        row = self._contracts.one(tx, own.id, name)
        if row.kernel.role is not Role.CONSUMER:
            raise Unknown("contracts.unknown", id=name[:200])
        fetched = [] if row.agreement is None else self._transfers.all(tx, own.id, row.agreement)
        return self._shown(
            own, row, fetched, self._size(tx, own.id, row), self._approvals.of_process(tx, own.id, row.id)
        )

    def _size(self, tx: Tx, slug: str, row: NegotiationRow) -> int | None:
        if row.agreement is None or row.shown != "FINALIZED":
            return None
        agreement = self._contracts.agreements.named(tx, slug, row.agreement)
        return self._contracts.agreements.terms(tx, slug, agreement).bytes

    def _shown(
        self,
        own: Participant,
        row: NegotiationRow,
        fetched: list[TransferRow],
        size: int | None,
        waits: ApprovalRow | None,
    ) -> ProgressView:
        best = next((one for one in fetched if one.outcome == "received"), next(iter(fetched), None))
        pending = waits if waits is not None and waits.ballot.state == "open" else None
        stage = stage_of(row, best, approval=pending is not None)
        return ProgressView(
            negotiation=negotiation(self._engine, self._members, own.did, row),
            stage=stage,
            done=done(row, best),
            transfer=None if best is None else self._transfer(own, best, row),
            size=size,
            arrived=0 if best is None else best.bytes or self._arrived_of(own.id, best.id),
            help=self._help(own, row) if stage == "refused" else dict.fromkeys(LANGUAGES, ""),
            approval="" if pending is None else pending.id,
            until=None if pending is None else time(pending.ballot.due_at),
        )

    def _transfer(self, own: Participant, one: TransferRow, row: NegotiationRow) -> TransferView:
        return transfer(self._members, own.did, one, {one.agreement: row.title}, self._file_of(own.id, one.id))

    def _help(self, own: Participant, row: NegotiationRow) -> Sentences:
        """By our own engine: it judges as the provider's does, if both have the same list."""
        found = offered(
            self._engine,
            self._requests.seeker(own),
            {**row.policy, "@id": row.offer},
            self._clock.now(),
            purpose=row.purpose,
            action=row.action,
        )
        return found.help


def stage_of(row: NegotiationRow, fetched: TransferRow | None, *, approval: bool = False) -> Stage:
    """How it stands; pure."""
    state = row.shown
    if state == "TERMINATED":
        return "refused"
    if fetched is not None and fetched.outcome == "received":
        return "ready"
    if fetched is not None and fetched.outcome is not None:
        return "failed"
    if approval:
        return "approval"
    return "answer" if state == "OFFERED" else STEP_OF.get(state, "requested")


def done(row: NegotiationRow, fetched: TransferRow | None) -> int:
    """How many of the four steps are taken, also by one that ended without data; pure."""
    if fetched is not None and fetched.outcome == "received":
        return len(ORDER)
    return 1 + max((ORDER.index(STEP_OF[state]) for state in (*row.states, row.shown) if state in STEP_OF), default=0)


def _iri(name: str) -> str:
    return name if ":" in name else f"urn:uuid:{name}"
