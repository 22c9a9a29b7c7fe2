"""Use cases of mandates: give one, look at it, withdraw it; what is over stops by itself (spec/mandates.md 1, 4, 5).

A mandate is sealed before anything is kept, and key, mandate and log record are one transaction: whatever dies in
between, nobody acts by half a mandate. A withdrawal takes effect before it is sealed, because the keeper of the seal
key may be away.
"""

import msgspec
import structlog

from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.document.sealing import Reference
from connector.exchange.mandates import decide, store
from connector.exchange.mandates.model import Given, MandateRow, MandateState, Wish
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.audit import store as audit
from connector.identity.participants.acting import Acting
from connector.identity.participants.service import Hosted, Participants
from connector.identity.participants.withdrawal_code import new_code
from connector.verify.checks.mandate import CTY, address

EVENT = "mandate"
"""Type of the records that say that a mandate was given, withdrawn, or is over."""
SEAL = "mandate-seal"
"""Errand: the seal of a withdrawal."""
log = structlog.get_logger("mandates")


class Mandates:
    """Of all participants of this process; every method names the participant."""

    def __init__(self, db: Database, clock: Clock, participants: Participants) -> None:
        self._db, self._clock, self._participants = db, clock, participants

    async def all(self, slug: str) -> list[MandateRow]:
        """The newest hundred, the newest first; raises Unknown for no participant."""
        await self._participants.get(slug)
        return list(await self._db.read(slug, store.all_mandates, slug))

    async def one(self, slug: str, sha256: str) -> MandateRow:
        """Raises Unknown."""
        await self._participants.get(slug)
        found = await self._db.read(slug, store.one, slug, sha256)
        if found is None:
            raise Unknown("mandates.none")
        return found

    async def give(self, slug: str, wish: Wish) -> Given:
        """From now on the agent acts, with a key of its own; a mandate before this one is replaced.

        Raises Mistake for a wish that cannot be and without a seal certificate, Unavailable if the seal cannot be had.
        """
        hosted = await self._participants.get(slug)
        record, secret = self._participants.agent_key(hosted)
        code, did = new_code(), hosted.participant.did
        key = msgspec.structs.replace(record, controller=wish.agent)
        said = decide.statement(did, wish, key.thumbprint, _own(hosted), code, self._clock.now())
        row = await self._sealed(hosted, wish, said)
        acting = Acting(
            sha256=row.sha256,
            agent=row.agent,
            name=row.name,
            actions=tuple(said["actions"]),
            until=row.until,
            contract=said["contract"],
            statement=row.statement,
            seal=row.seal,
        )

        def also(tx: Tx) -> None:
            store.insert(tx, row)
            _noted(tx, hosted, "given", row)

        await self._participants.entrust(slug, acting, (key, secret), also)
        return Given(row, code)

    async def _sealed(self, hosted: Hosted, wish: Wish, said: dict[str, object]) -> MandateRow:
        body = sealing.canonical(said)
        digest = sealing.digest(body)
        jws = await self._seal(hosted, digest, body)
        now = self._clock.now()
        return MandateRow(
            participant=hosted.participant.id,
            sha256=digest,
            agent=wish.agent,
            name=str(said["agentName"]),
            statement=body.decode(),
            seal=jws,
            state="in-force",
            given_at=now,
            until=wish.until // 1000 * 1000,
        )

    async def _seal(self, hosted: Hosted, digest: str, body: bytes) -> str:
        """By the town's own seal key, wherever it lies."""
        me = sealer(hosted)
        covered = [Reference(address(me.root, digest), body, CTY)]
        return await sealing.seal(covered, me.key, me.chain, self._clock.now() // 1000)

    async def withdraw(self, slug: str, *, own: bool) -> MandateRow:
        """Ends the mandate at once; `own`: the town acts itself from now on, else nobody does until a new one is given.

        The same again is the same. What could not be sealed now is sealed later by an errand. Raises Unknown if none
        was ever given, Mistake where the town acts itself already.
        """
        hosted = await self._participants.get(slug)
        found = await self._newest(hosted)
        if found.state == "in-force" or own:
            hosted = await self._end(hosted, "withdrawn", own=own)
        return await self._with_seal(hosted)

    async def _end(self, hosted: Hosted, state: MandateState, *, own: bool) -> Hosted:
        """Whoever waited for another that ended it finds that; what expired is the mandate that was looked at, never
        one that somebody gave meanwhile."""
        slug, did = hosted.participant.id, hosted.participant.did
        known = None if hosted.acting is None else hosted.acting.sha256

        def over(tx: Tx) -> bool:
            found = store.newest(tx, slug, lock=True)
            assert found is not None
            if found.state == "in-force" and (state == "withdrawn" or found.sha256 == known):
                said = decide.withdrawal(did, found.sha256, tx.now) if state == "withdrawn" else None
                store.end(tx, found, state, "" if said is None else sealing.canonical(said).decode())
                if said is not None:
                    _put_errand(tx, found)
                _noted(tx, hosted, state, found)
                return True
            if own and self._participants.acts_itself(tx, slug):
                raise Mistake("mandates.own-already")
            return own

        return await self._participants.end_mandate(slug, over, own=own)

    async def _with_seal(self, hosted: Hosted) -> MandateRow:
        """The withdrawal is in force already: where the seal cannot be had now its errand makes it later."""
        found = await self._newest(hosted)
        if not found.withdrawal or found.withdrawal_seal:
            return found
        try:
            await self._make_seal(hosted, found)
        except HanseError:
            return found
        return await self.one(hosted.participant.id, found.sha256)

    async def _newest(self, hosted: Hosted) -> MandateRow:
        found = await self._db.read(hosted.participant.id, store.newest, hosted.participant.id)
        if found is None:
            raise Unknown("mandates.none")
        return found

    async def _make_seal(self, hosted: Hosted, row: MandateRow) -> None:
        body = row.withdrawal.encode()
        seal = await self._seal(hosted, sealing.digest(body), body)
        await self._db.write(row.participant, store.sealed, row, seal)

    async def expire(self) -> None:
        """A round of the job: who acted by a mandate that is over leaves the DID document."""
        for hosted in await self._participants.all():
            if hosted.acting is not None and hosted.acting.until <= self._clock.now():
                try:
                    await self._end(hosted, "expired", own=False)
                except HanseError as error:  # another town's mandate is over all the same
                    log.warning("mandates.expire", participant=hosted.participant.id, why=str(error))

    async def seal_withdrawal(self, row: OutboxRow) -> None:
        """The errand of a withdrawal: its seal, once the keeper of the seal key answers; Unavailable lets it wait."""
        hosted = await self._participants.get(row.participant)
        found = await self._db.read(row.participant, store.one, row.participant, _Errand.of(row).mandate)
        if found is not None and not found.withdrawal_seal:
            await self._make_seal(hosted, found)
        await self._db.write(row.participant, outbox.finish, row)


class _Errand(msgspec.Struct, frozen=True):
    """Which mandate was withdrawn, by its SHA-256."""

    mandate: str

    @classmethod
    def of(cls, row: OutboxRow) -> "_Errand":
        return msgspec.json.decode(row.body, type=cls)


def _own(hosted: Hosted) -> tuple[str, ...]:
    """Keys that do not lie in this process: what the agent does not hold."""
    return () if hosted.kept is None else (hosted.kept.kid.partition("#")[2],)


def _put_errand(tx: Tx, row: MandateRow) -> None:
    stream = f"{SEAL}:{row.participant}:{row.sha256}"
    outbox.put(tx, participant=row.participant, stream=stream, kind=SEAL, body=msgspec.json.encode(_Errand(row.sha256)))


def _noted(tx: Tx, hosted: Hosted, event: str, row: MandateRow) -> None:
    body = {"event": event, "mandate": row.sha256, "agent": row.agent, "until": row.said["until"]}
    audit.append(tx, hosted.participant.id, EVENT, None, "system", body, did=hosted.participant.did)
