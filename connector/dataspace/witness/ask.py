"""Asks others' witnesses to vouch for our logs: hourly, after agreements, before a bundle (spec/records.md 3.2).

Nothing waits for a witness but the first seal of a process, for a moment: a database that came back from a backup must
not sign again what others have seen (spec/records.md 2.5). What a witness says is checked with its keys in the trust
list.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from connector.dataspace.witness import cosign, cosignatures
from connector.dataspace.witness.cosignatures import WitnessProgress
from connector.dataspace.witness.pauses import Pauses
from connector.dataspace.witness.restore import Restored
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unauthenticated, Unavailable
from connector.foundation.http.outbound import Answer, SafeClient
from connector.foundation.settings.sections import Witness as Settings
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.telemetry import Metrics
from connector.identity.audit import merkle, origins, sealer, tiles
from connector.identity.audit.sealer import Batch
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.trust_list import Anchor, Witness
from connector.verify.checks.trusted_time import SKEW_S
from connector.verify.formats import checkpoint
from connector.verify.formats.checkpoint import TIMED_ED25519, NoteKey, key_of
from connector.verify.formats.cosignature import name_of, until
from connector.verify.formats.faults import Fault
from connector.verify.formats.names import seen

log = structlog.get_logger("witness")
Wanted = Callable[[str, str, WitnessProgress], bool]
"""(log, witness by its URL, where it stands): whether it is to be asked for the newest state."""
MOST = 15
"""Witnesses asked for one log: with `MOST_KEPT` lines of each a note holds no more than a reader takes."""
MOST_LOST = 8
"""Origins that a database may have lost: as many are asked for, so that a liar does not lead us on without end."""
LIMIT = 65_536
MOST_KEPT = 4
"""Lines of one witness: two keys, and two that take their place."""
APART_MS = 2_000
"""Between two logs that ask the same witness for what has time; less if an hour would not do for all."""
TURN_S = 3600.0
"""How long until each log has had its turn."""
STRANGE_S = 3600
"""A cosignature whose time is further from ours proves nothing to us."""
TOO_MANY = 429
_BUSY = frozenset({TOO_MANY, 502, 503, 504})
"""It has had enough of us, or does not answer who asks for it."""
_TYPE = {"Content-Type": "text/plain; charset=utf-8"}


class Away(Unavailable):
    """The witness answers nobody just now, or has had enough of us: no other log would fare better."""


class Witnesses:
    """The witnesses of the trust list, without those of a log's own operator."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        anchor: Anchor,
        http: SafeClient,
        settings: Settings,
        own: str = "",
        beside: Path | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`own` is the key name of this process as a witness: it never vouches for the logs kept here.

        In the folder `beside` lies what tells without them that a database came back from a backup.
        """
        self._db, self._clock, self._participants, self._anchor = db, clock, participants, anchor
        self._http, self._settings, self._own = http, settings, own
        self._metrics = metrics or Metrics()
        self._restored = None if beside is None else Restored(db, beside, self._metrics)
        self._settled: set[str] = set()
        self._next: int | None = None
        """Which log comes next when none waits."""
        self._owed = 0.0
        """How many have to have their turn by now; a part of one counts."""
        self._since: dict[str, int] = {}
        self._begin, self._some_heard = "", False
        """With which log a look begins, and whether a witness has answered one since."""
        self._pauses, self._apart_ms = Pauses(clock, int(settings.look_s * 1000)), APART_MS

    async def settled(self, hosted: Hosted) -> bool:
        """Whether the log may be sealed: once per process its witnesses are asked how far it was.

        If one of them knows more than this database has, the log goes on under a new origin first. If not all of them
        answer it is sealed after `start_wait_s` all the same. Who is listed later is not asked: by then this very
        process has sealed.
        """
        slug = hosted.participant.id
        await self._look_beside(hosted.participant)
        others = self._foreign(hosted.participant)
        if self._anchor.version and not others:
            self._settled.add(slug)
        if slug in self._settled or not others:
            return True
        began = self._since.setdefault(slug, self._clock.steady())
        epoch = await self._db.read(slug, origins.current, slug)
        known = await asyncio.gather(*(self._heard(hosted, one, epoch) for one in others))
        newest = await self._db.read(slug, sealer.latest, slug)
        most, url = max(((size or 0, one.url) for size, one in zip(known, others, strict=True)))
        if most > (0 if newest is None or newest.epoch != epoch else newest.size):
            after = await self._taken(hosted, others, epoch)
            await self._behind(hosted.participant, epoch, most, name_of(url), after)
        answered = all(size is not None for size in known)
        waited = self._clock.steady() - began >= self._settings.start_wait_s * 1000
        if not answered and newest is not None and not waited:
            return False
        if not answered and newest is not None:
            log.warning("witness.not-all-answer", participant=slug)
        self._settled.add(slug)
        return True

    async def sealed(self, hosted: Hosted) -> None:
        """The mark beside the database is raised at once: the next round may find nothing more to seal."""
        await self._look_beside(hosted.participant)

    async def look(self) -> None:
        """Asks every witness that is due for a log.

        Of a log that all of them have vouched for nothing is asked, nor of one whose witnesses failed lately or have
        vouched for it lately; what lies beside it is compared with it once in an hour at the latest, and before
        anything is sealed. The one that was refused last begins: with more agreements than a witness takes the first
        by name alone would be heard.
        """
        sizes = await self._db.read(WORKER, cosignatures.waiting, self._listed())
        here, turn = await self._participants.here(sizes), await self._turn()
        here.sort(key=lambda one: (one.participant.id < self._begin, one.participant.id))
        self._some_heard = False
        later = {one.participant.id for one in turn}
        self._apart_ms = min(APART_MS, int(self._settings.ask_every_s * 500) // max(1, len(sizes)))
        for hosted in here:
            slug = hosted.participant.id
            if slug not in later and self._may_be_due(hosted.participant, sizes[slug]):
                await self._ask(hosted, self._due)
        for hosted in turn:
            await self._ask(hosted, self._due)

    def _due(self, slug: str, url: str, standing: WitnessProgress) -> bool:
        """Whether it is to be asked for the newest state; if not, it is left alone until then. Logs that ask because
        an hour is over do so one after the other: five hundred at once would be refused, and again an hour later."""
        size, every_ms = standing.newest.size, int(self._settings.ask_every_s * 1000)
        if not due(standing, self._clock.now(), self._settings.ask_every_s):
            since = abs(self._clock.now() - standing.at) if size > standing.size else 0
            self._pauses.rest(slug, url, size, every_ms - since)
            return False
        return standing.agreed or self._pauses.turn(slug, url, size, self._apart_ms)

    async def _turn(self) -> list[Hosted]:
        """A few logs of which nothing is known to wait: each comes in turn within an hour, all of them at the start."""
        hosted = await self._participants.all()
        if self._next is None:
            self._next = 0
            return hosted
        self._owed += len(hosted) * self._settings.look_s / TURN_S
        size, begin = int(self._owed), 0 if self._next >= len(hosted) else self._next
        if begin == 0 and size:
            self._pauses.keep([one.participant.id for one in hosted], self._urls())
        self._next, self._owed = begin + size, self._owed - size
        return hosted[begin : begin + size]

    def _urls(self) -> frozenset[str]:
        """Of all witnesses that the lists of now name; they may name others every day."""
        try:
            return frozenset(one.url for one in self._anchor.current.witnesses if in_use(one, self._clock.now()))
        except Unauthenticated:
            return frozenset()

    def _listed(self) -> int:
        """Witnesses that one of our logs may have."""
        try:
            found = {name_of(one.url) for one in self._anchor.current.witnesses if in_use(one, self._clock.now())}
        except Unauthenticated:
            return 0
        return min(MOST, len(found - {self._own}))

    async def vouched(self, hosted: Hosted) -> None:
        """Before a bundle is made: whoever has not vouched for the newest state is asked, but not waited for long."""
        await self._ask(hosted, lambda _slug, _url, standing: standing.newest.size > standing.size)

    async def _look_beside(self, participant: Participant) -> None:
        """A database that lost states while this process runs: its witnesses are heard again before it is sealed."""
        if self._restored is not None and await self._restored.noticed(participant):
            self._settled.discard(participant.id)
            self._since.pop(participant.id, None)
            self._pauses.wake(participant.id)

    async def _taken(self, hosted: Hosted, others: Sequence[Witness], epoch: int) -> int:
        """The last epoch from `epoch` on that somebody knows: an origin may be lost with the database as well."""
        for following in range(epoch + 1, epoch + MOST_LOST):
            known = await asyncio.gather(*(self._known(hosted, one, following) for one in others))
            if not any(known):
                return following - 1
        return epoch + MOST_LOST - 1

    async def _ask(self, hosted: Hosted, wanted: Wanted) -> None:
        slug, errands = hosted.participant.id, []
        await self._look_beside(hosted.participant)
        for one in self._foreign(hosted.participant):
            if self._pauses.holds(slug, one.url):
                continue
            standing = await self._db.read(slug, cosignatures.standing, slug, name_of(one.url))
            if standing is None:
                continue
            self._pauses.stands(slug, one.url, new=standing.size == 0)
            if wanted(slug, one.url, standing) and not self._pauses.holds(slug, one.url):
                errands.append(self._apart(hosted.participant, one, standing))
        await asyncio.gather(*errands)

    async def _apart(self, participant: Participant, one: Witness, standing: WitnessProgress) -> None:
        """What fails with one witness neither delays nor fails anything else; it is asked again later."""
        try:
            outcome = await self._ask_one(participant, one, standing)
        except HanseError as error:
            self._count(one, "not-genuine" if isinstance(error, PeerError) else "away")
            self._pauses.failed(participant.id, one.url, everywhere=isinstance(error, Away))
            if isinstance(error, Away):  # who is refused before anybody was heard may be so for ever: the next one
                self._begin = participant.id if self._some_heard else f"{participant.id}\0"
            log.info("witness.away", participant=participant.id, witness=name_of(one.url), why=str(error))
        else:
            self._count(one, outcome)
            self._pauses.answered(participant.id, one.url)
            self._some_heard = True

    def _count(self, one: Witness, outcome: str) -> None:
        """Labels are of the trust list, which names the witnesses to everybody."""
        text = "Requests to witnesses of our logs, by outcome."
        self._metrics.count("hanse_witness_asked_total", text, witness=name_of(one.url), outcome=outcome)

    async def _ask_one(self, participant: Participant, one: Witness, standing: WitnessProgress) -> str:
        """The outcome in a word: `vouched`, or `differs` where it saw another history."""
        slug, batch, old = participant.id, standing.newest, standing.size
        assert batch.checkpoint is not None
        for _ in range(2):
            proof = await self._db.read(slug, tiles.consistency, slug, old, batch.size)
            answer = await self._answer(one, cosign.write(old, proof, batch.checkpoint))
            if answer.status == 200:
                lines = self._genuine(one, batch, answer.body)
                await self._db.write(slug, cosignatures.keep, batch, name_of(one.url), lines)
                return "vouched"
            known = _size(answer) if answer.status == 409 else old if answer.status == 422 else None
            if known is None or known == old == 0:  # who has seen nothing has nothing against us
                raise Unavailable("witness.answer", status=answer.status)
            if known == old or known > batch.size:
                await self._differs(participant, batch, known, name_of(one.url), same=known == old)
                return "differs"
            old = known
        raise Unavailable("witness.answer", status=409)

    async def _differs(self, participant: Participant, batch: Batch, known: int, witness: str, *, same: bool) -> None:
        """It saw another tree of this log, or a larger one that is not merely news of another replica.

        Raises Unavailable if its word counts for nothing now: then it is not asked again at once either.
        """
        newest = await self._db.read(participant.id, sealer.latest, participant.id)
        if newest is None or newest.epoch != batch.epoch or (not same and newest.size >= known):
            return
        if await self._behind(participant, batch.epoch, known, witness) is None:
            raise Unavailable("witness.answer", status=409)

    async def _behind(
        self, participant: Participant, epoch: int, known: int, witness: str, after: int = 0
    ) -> int | None:
        slug = participant.id
        opened = await self._db.write(slug, _open, participant, epoch, known, witness, after)
        log.error("witness.behind", participant=slug, witness=witness, known=known, epoch=epoch, opened=opened)
        return opened

    async def _heard(self, hosted: Hosted, one: Witness, epoch: int) -> int | None:
        """As `_known`, unless it would be refused: at the start five hundred logs ask, and each request is signed.

        A log without a past asks all the same: it waits for nobody, and would never ask again (`settled`).
        """
        slug = hosted.participant.id
        if self._pauses.crowded(one.url) and await self._db.read(slug, sealer.latest, slug) is not None:
            return None
        return await self._known(hosted, one, epoch)

    async def _known(self, hosted: Hosted, one: Witness, epoch: int) -> int | None:
        """The size that a witness knows, 0 for none; None if it does not say. The empty tree commits us to nothing."""
        participant = hosted.participant
        empty = Batch(
            participant=participant.id,
            size=0,
            root=merkle.EMPTY,
            frontier=merkle.NOTHING,
            checkpoint=None,
            at=self._clock.now(),
            epoch=epoch,
        )
        note = sealer.sign(empty, sealer.origin(participant.root, epoch), [hosted.signers["log"]])
        try:
            answer = await self._post(one, cosign.write(0, (), note))
            if answer.status == TOO_MANY:
                self._pauses.crowd(one.url)
            return 0 if answer.status == 200 else _size(answer) if answer.status == 409 else None
        except HanseError as error:
            log.info("witness.away", participant=participant.id, witness=name_of(one.url), why=str(error))
            return None

    async def _answer(self, one: Witness, body: bytes) -> Answer:
        """Raises Away if there is none, or none to anybody of ours for now."""
        try:
            answer = await self._post(one, body)
        except Unavailable as fault:
            raise Away(fault.code, **fault.facts) from fault
        if answer.status in _BUSY:
            raise Away("witness.answer", status=answer.status)
        return answer

    async def _post(self, one: Witness, body: bytes) -> Answer:
        url = f"{one.url.rstrip('/')}/add-checkpoint"
        return await self._http.post(url, body, headers=_TYPE, limit=LIMIT, total_s=self._settings.answer_s)

    def _genuine(self, one: Witness, batch: Batch, body: bytes) -> str:
        """The earliest line of each of its listed keys; PeerError if one does not hold or states a strange time.

        One for a key: who sends dozens would leave no room in the note for the others. Before the state was sealed
        nobody can have seen it, and whoever believed that would find our seals later than their trusted time.
        """
        name, now = name_of(one.url), self._clock.now()
        least, most = max(now - STRANGE_S * 1000, batch.at - SKEW_S * 1000) // 1000, now // 1000 + STRANGE_S
        kept: dict[NoteKey, tuple[int, bytes]] = {}
        try:
            keys = {(key.name, key.id): key for key in _keys(one, now // 1000)}
            note = checkpoint.parse(f"{(batch.checkpoint or '').partition(chr(10) * 2)[0]}\n\n{body.decode()}")
            for line in note.lines:
                if (key := keys.get(line[:2])) is not None:
                    said = key.seconds(note, line[2]), line[2]
                    kept[key] = min(said, kept.get(key, said))
                    if not least <= said[0] <= most:
                        raise PeerError("witness.cosignature", name=name)
        except (Fault, ValueError) as fault:
            raise PeerError("witness.cosignature", name=name) from fault
        if not kept:
            raise PeerError("witness.cosignature", name=name)
        return "".join(
            checkpoint.line_of(key.name, key.id, signature) for key, (_, signature) in [*kept.items()][:MOST_KEPT]
        )

    def _foreign(self, participant: Participant) -> Sequence[Witness]:
        try:
            listed = self._anchor.witnesses_for(participant.did)
        except Unauthenticated:
            return ()
        entry = self._anchor.entry_for(participant.did, participant.did)
        operators = {seen(name) for name in (participant.operator, "" if entry is None else entry.operator)}
        now = self._clock.now()
        others = [one for one in listed if seen(one.operator) not in operators and name_of(one.url) != self._own]
        return [one for one in others if in_use(one, now)][:MOST]

    def _may_be_due(self, participant: Participant, size: int) -> bool:
        """Whether a witness of this log may have to be asked for its state of so many leaves."""
        slug, urls = participant.id, [one.url for one in self._foreign(participant)]
        return any(not self._pauses.holds(slug, url) and not self._pauses.rests(slug, url, size) for url in urls)


def in_use(one: Witness, now: int) -> bool:
    """Whether it is a witness at this instant (ms): the keys of one that was have ended. One without any is asked how
    far it is."""
    ends = [until(jwk) for jwk in one.keys]
    return not ends or any(end is None or now // 1000 <= end for end in ends)


def due(standing: WitnessProgress, now: int, every_s: float) -> bool:
    """At once for an agreement that it has not vouched for, else when the last time is long enough ago."""
    return standing.newest.size > standing.size and (standing.agreed or abs(now - standing.at) >= every_s * 1000)


def _open(tx: Tx, participant: Participant, epoch: int, known: int, witness: str, after: int) -> int | None:
    """Nothing if another replica has opened it already."""
    if origins.current(tx, participant.id) != epoch:
        return None
    return origins.open_next(tx, participant.id, participant.did, participant.root, known, witness, after=after)


def _size(answer: Answer) -> int | None:
    text = answer.body.removesuffix(b"\n")
    return int(text) if text.isdigit() and len(text) <= 16 else None


def _keys(one: Witness, now: int) -> Sequence[NoteKey]:
    """Those in use; a retired key vouches for nothing new."""
    used = [jwk for jwk in one.keys if (last := until(jwk)) is None or now <= last]
    found = [key_of(name_of(one.url), jwk, TIMED_ED25519) for jwk in used]
    return [key for key in found if key is not None]
