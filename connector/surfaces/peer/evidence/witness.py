"""The witness's door: `POST <prefix>/add-checkpoint` of C2SP tlog-witness, for the logs of the trust list alone.

Whoever calls proves nothing but that a member's log key signed the checkpoint. What was vouched for is stored before
the answer leaves; two histories of one log are kept as proof and told of.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import structlog
from aiohttp import web

from connector.dataspace.witness import cosign
from connector.dataspace.witness.cosign import Alarm, Asked
from connector.dataspace.witness.keys import WitnessKeys
from connector.dataspace.witness.memory import Memory
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unknown
from connector.foundation.http import limits
from connector.foundation.http.pace import Pace, place
from connector.foundation.storage.database import PROCESS, Database
from connector.foundation.telemetry import Metrics
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members.trust_list import Anchor, Entry
from connector.verify.formats import checkpoint
from connector.verify.formats.checkpoint import NoteKey, key_of
from connector.verify.formats.faults import Fault

log = structlog.get_logger("witness")
Documents = Callable[[str], Awaitable[Mapping[str, object]]]
"""The DID document of a member."""
Tell = Callable[[Alarm], Awaitable[None]]
"""Books a proof of misbehaviour where people see it."""
NEW_AT_ONCE = 200
"""Origins never seen before, of all members of one operator together, then one a minute: enough for one that starts.
Of all that a joined space lists five times as many."""
_LOG = re.compile(r"(?P<root>.+)/log/(?:0|[1-9][0-9]{0,3})")


class NoKey(PeerError):
    """No key that the trust list names for this log signed: 403."""

    status = 403


class NoProof(PeerError):
    """The consistency proof does not hold: 422."""

    status = 422


class WitnessHandlers:
    """30 requests at once per address, then 5 a second: a log asks once an hour and after agreements."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        anchor: Anchor,
        keys: WitnessKeys,
        tell: Tell,
        metrics: Metrics | None = None,
        beside: Path | None = None,
        documents: Documents | None = None,
    ) -> None:
        """`beside` is the folder of `audit.witness_memory`; `documents` are asked where lists contradict each other."""
        self._documents = documents
        self._metrics, self._memory = metrics or Metrics(), Memory(beside)
        self._db, self._clock, self._anchor, self._keys, self._tell = db, clock, anchor, keys, tell
        self._pace = Pace(clock, burst=30, per_s=5)
        self._new = Pace(_Minutes(clock), burst=NEW_AT_ONCE, per_s=1)
        self._of_list = Pace(_Minutes(clock), burst=5 * NEW_AT_ONCE, per_s=5)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """`prefix` is the path of the submission prefix."""
        return [web.post(f"{prefix}/add-checkpoint", self.add)]

    async def add(self, request: web.Request) -> web.Response:
        try:
            answer = await self._answer(request)
        except HanseError as error:
            self._count(error.code)
            raise
        self._count("vouched" if answer.status == 200 else "conflict")
        return answer

    def _count(self, outcome: str) -> None:
        """By the message of a refusal: who asked is nobody's label, for anybody may ask."""
        self._metrics.count("hanse_witness_answered_total", "Requests to this witness, by outcome.", outcome=outcome)

    async def _answer(self, request: web.Request) -> web.Response:
        self._pace.spend(place(request.remote))
        asked = cosign.parse(await limits.read_body(request, limit=cosign.LIMIT))
        origin = asked.checkpoint.origin
        listings = self._listed(origin)
        authority, entry, keys = await self._entitled(asked, listings)
        if not (await self._db.read(PROCESS, cosign.known, origin)).note:
            if authority:  # a list calls as many operators as it likes
                self._of_list.spend(authority)
            self._new.spend((authority, entry.operator))
        log_keys = [key for _, one in listings for key in one.log_keys]
        memory = await asyncio.to_thread(self._memory.known, origin, log_keys)
        asked = cosign.bare(asked, keys)
        timed = [key for key in keys if key.kind == checkpoint.ML_DSA_44]
        verdict, alarm = await self._db.write(PROCESS, cosign.consider, asked, timed, memory)
        if alarm is not None:
            await self._raise(alarm)
        if verdict.kind == "unproven":
            raise NoProof("witness.proof")
        if verdict.kind != "vouch":
            return web.Response(status=409, body=f"{verdict.size}\n".encode(), content_type="text/x.tlog.size")
        await asyncio.to_thread(self._memory.keep, origin, log_keys, asked.note, asked.checkpoint.size)
        lines = await self._keys.cosign(asked.checkpoint, self._clock.now())
        return web.Response(text=lines, content_type="text/plain", charset="utf-8")

    def _listed(self, origin: str) -> Sequence[tuple[str, Entry]]:
        """The member whose log this is, as each list has it; Unknown for a log of nobody."""
        match, now = _LOG.fullmatch(origin), self._clock.now()
        try:
            found = [] if match is None else self._anchor.listings(dids.of_root(f"https://{match['root']}"))
        except Mistake:
            found = []
        if not (admitted := [(name, entry) for name, entry in found if entry.admitted(now)]):
            raise Unknown("witness.log")
        return admitted

    async def _entitled(
        self, asked: Asked, listings: Sequence[tuple[str, Entry]]
    ) -> tuple[str, Entry, Sequence[NoteKey]]:
        """By which list the log's keys signed, and which. Where another list does not name them, as one of a tenant's
        own making may not, the member's own document has to (threat T146). Raises NoKey, PeerError or Unavailable."""
        now = self._clock.now()
        listed = [(name, entry, entry.logging(now)) for name, entry in listings]
        found = list(_signing(asked, listed))
        if found and len(found) < len(listed):
            if self._documents is None:
                raise NoKey("witness.key")
            own = _logging(await self._documents(found[0][1].did))
            shown = [(name, one, [key for key in one.logging(now) if _print(key) in own]) for name, one, _ in found]
            found = list(_signing(asked, shown))
        if not found:
            raise NoKey("witness.key")
        return found[0]

    async def _raise(self, alarm: Alarm) -> None:
        """The proof is kept already: whatever fails here must not decide what the log hears."""
        self._metrics.count("hanse_witness_alarms_total", "Proofs of two histories of one log.", kind=alarm.kind)
        log.error("witness.alarm", kind=alarm.kind, origin=alarm.origin, held=alarm.held, offered=alarm.offered)
        try:
            await self._tell(alarm)
        except HanseError as error:
            log.warning("witness.alarm", origin=alarm.origin, why=str(error))


class _Minutes:
    """A clock on which a minute is a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now() // 60

    def steady(self) -> int:
        return self._clock.steady() // 60


def _signing(
    asked: Asked, listed: Iterable[tuple[str, Entry, Sequence[dict[str, str]]]]
) -> Iterator[tuple[str, Entry, Sequence[NoteKey]]]:
    """The lists one of whose keys signed."""
    for name, entry, keys in listed:
        try:
            yield name, entry, _signed(asked, keys)
        except NoKey:
            continue


def _logging(document: Mapping[str, object]) -> frozenset[str]:
    """Thumbprints of the log keys that a DID document names."""
    said = document.get("hanse:logKey")
    named = [_print(key) for key in said if isinstance(key, dict)] if isinstance(said, list) else []
    return frozenset(named) - {""}


def _print(key: Mapping[str, object]) -> str:
    """The thumbprint of a public key; empty for what is none."""
    try:
        return thumbprint(key)
    except PeerError:
        return ""


def _signed(asked: Asked, listed: Sequence[dict[str, str]]) -> Sequence[NoteKey]:
    """The log's keys; NoKey if nobody entitled signed."""
    note = asked.checkpoint
    try:
        checkpoint.check(note, listed)
    except Fault as fault:
        raise NoKey("witness.key") from fault
    found = [key_of(note.origin, jwk) for jwk in listed]
    return [key for key in found if key is not None]
