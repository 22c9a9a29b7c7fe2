"""The side that a participant leaves: laid to rest, written out whole, handed over for good (spec/moving.md 2).

From `begin` on the database refuses whatever would be written for it (`foundation/storage/at_rest.py`), so the archive
is all of it, however long it takes.
Until the receipt is taken it may stay after all; afterwards nothing here acts for it again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connector.continuity.backup import copies
from connector.continuity.moving import frames, machine, manifest, people, rows, statements, store
from connector.continuity.moving.envelope import Sealer
from connector.continuity.moving.frames import FILES, MANIFEST, RECEIVED, ROWS, Head, Value, Writer
from connector.continuity.moving.machine import Statement
from connector.continuity.moving.manifest import Log, Manifest
from connector.continuity.moving.rows import Table
from connector.continuity.moving.store import DepartureRow
from connector.continuity.moving.target import Target
from connector.dataspace.spaces.joining import carried
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage import outbox
from connector.foundation.storage.at_rest import at_rest
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.audit import sealer
from connector.identity.participants import lifecycle, succession
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.vault import Vault

SealLog = Callable[[Hosted], Awaitable[None]]
PIECE: Final = 1 << 18
MOST_FILES: Final = manifest.MOST_ENTRIES - 1_000
"""Beside tables, people and the manifest."""
TRIES: Final = 100
"""How often the log is sealed until nothing waits: on PostgreSQL records wait for older transactions of others."""


class Plan(Struct, frozen=True, kw_only=True):
    """What an archive would have: rows of all tables, agreements, records of the log, files with their bytes."""

    rows: int
    agreements: int
    records: int
    files: int
    bytes: int


class DepartureStatus(Struct, frozen=True, kw_only=True):
    """`state`: that of the move, None if there is none; `participant` that of the participant."""

    slug: str
    did: str
    participant: str
    move: DepartureRow | None
    plan: Plan


class Departures:
    """Of all participants of this database. `folders`: entry prefix -> where a participant has a folder by its name."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        vault: Vault,
        seal_log: SealLog,
        folders: Mapping[str, Path],
        product: Callable[[], str],
    ) -> None:
        self._db, self._clock, self._participants, self._vault = db, clock, participants, vault
        self._seal_log, self._folders, self._product = seal_log, folders, product

    async def look(self, slug: str) -> DepartureStatus:
        """Raises Unknown."""
        hosted = await self._participants.get(slug)
        found, plan = await self._db.read(slug, self._planned, slug)
        files = await asyncio.to_thread(self._files, slug)
        return DepartureStatus(
            slug=slug,
            did=hosted.participant.did,
            participant=hosted.participant.state,
            move=found,
            plan=replace(plan, files=len(files), bytes=sum(path.stat().st_size for _, path in files)),
        )

    async def begin(self, slug: str, to: Target) -> DepartureStatus:
        """Lays it to rest; the same again is the same. Raises Mistake if it cannot move, is more than an archive
        holds, or moves elsewhere.
        """
        hosted, plan = await self._participants.get(slug), (await self.look(slug)).plan
        if len(hosted.participant.former) >= succession.MOST_FORMER:
            raise Mistake("moving.often", most=succession.MOST_FORMER)
        if plan.files > MOST_FILES or plan.agreements > manifest.MOST_AGREEMENTS:
            raise Mistake("moving.large", files=MOST_FILES, agreements=manifest.MOST_AGREEMENTS)
        await self._require_room(slug)
        if hosted.participant.state == "active":
            await self._seal_log(hosted)  # so that little is left to be sealed while nothing works
        await self._db.write(slug, self._begin, hosted, to)
        await self._participants.catch_up()
        return await self.look(slug)

    @at_rest
    def _begin(self, tx: Tx, hosted: Hosted, to: Target) -> None:
        slug, own = hosted.participant.id, hosted.participant
        lifecycle.rest_alone(tx, slug)
        known = store.departure(tx, slug, lock=True)
        if known is not None and known.move == to.move and known.state in ("prepared", "exported"):
            return
        if known is not None and (known.state != "back" or known.move == to.move):
            raise Mistake("moving.other-move" if known.state in ("prepared", "exported") else "moving.over")
        if own.is_me(to.did):
            raise Mistake("moving.same-place")
        if tx.one("SELECT 1 FROM space WHERE participant = :slug", slug=slug) is not None:
            raise Mistake("moving.keeps-space")
        if (space := carried.move_untold(tx, slug)) is not None:  # its list would lose who succeeds whom
            raise Mistake("moving.untold", space=space)
        if not self._participants.acts_itself(tx, slug):  # nobody could sign the archive, nor that it stays
            raise Mistake("mandates.no-own-key", slug=slug)
        lifecycle.lay_to_rest(tx, hosted, {"to": to.did, "address": to.fingerprint.replace(" ", "")})
        store.put_departure(
            tx,
            DepartureRow(
                participant=slug,
                move=to.move,
                target=to,
                state="prepared",
                digest="",
                receipt="",
                statement="",
                began_at=tx.now,
                changed_at=tx.now,
            ),
        )

    async def archive(self, slug: str) -> AsyncIterator[bytes]:
        """The bytes of the archive. Its digest is booked before the last of them leave; raises Mistake, Unavailable.

        May be asked for again: the newest one counts.
        """
        hosted = await self._participants.get(slug)
        found = await self._db.read(slug, store.departure, slug)
        if found is None or hosted.participant.state != "moving":
            raise Mistake("moving.not-moving", slug=slug)
        machine.written(found.machine, "")
        await self._require_room(slug)
        await self._sealed_log(hosted)
        digest, sealing = sha256(), Sealer(found.target)
        digest.update(sealing.head)
        yield sealing.head
        async for plain in self._plain(hosted, found.target):
            for piece in sealing.add(plain):
                digest.update(piece)
                yield piece
        last = sealing.end()
        digest.update(last)
        await self._db.write(slug, self._written, slug, found.move, digest.hexdigest())
        yield last

    @at_rest
    def _written(self, tx: Tx, slug: str, move: str, digest: str) -> None:
        found = self._held(tx, slug)
        if found.move != move:
            raise Mistake("moving.other-move")
        store.put_departure(tx, replace(found, state=machine.written(found.machine, digest).state, digest=digest))

    async def hand(self, slug: str, receipt: str) -> str:
        """The new side has it: from here on nothing here acts for it again. The signed statement that says so.

        The same receipt again gives the same statement; raises Mistake for any other.
        """
        hosted = await self._participants.get(slug)
        told = await self._db.write(slug, self._hand, hosted, receipt)
        await self._participants.catch_up()
        return told

    @at_rest
    def _hand(self, tx: Tx, hosted: Hosted, receipt: str) -> str:
        slug = hosted.participant.id
        found = self._held(tx, slug)
        said = statements.read_receipt(receipt, found.target)
        after = machine.hand(found.machine, said)
        if found.state == "handed":
            return found.statement
        assert after.last_word is not None
        told = self._word(tx, hosted, found, after.last_word)
        store.put_departure(tx, replace(found, state="handed", receipt=receipt, statement=told))
        succession.give_place(tx, hosted.participant, found.target.did, tx.now + succession.TERM_MS)
        lifecycle.leave_for_good(tx, slug)
        outbox.abandon(tx, slug)
        tx.run("UPDATE timer SET done_at = :now WHERE participant = :slug AND done_at IS NULL", now=tx.now, slug=slug)
        return told

    async def back(self, slug: str) -> str:
        """The participant stays and works again; the signed statement that says so to the new side."""
        hosted = await self._participants.get(slug)
        told = await self._db.write(slug, self._back, hosted)
        await self._participants.catch_up()
        return told

    @at_rest
    def _back(self, tx: Tx, hosted: Hosted) -> str:
        found = self._held(tx, hosted.participant.id)
        after = machine.back(found.machine)
        if found.state == "back":
            return found.statement
        assert after.last_word is not None
        told = self._word(tx, hosted, found, after.last_word)
        store.put_departure(tx, replace(found, state="back", statement=told))
        lifecycle.wake(tx, hosted)
        return told

    def _word(self, tx: Tx, hosted: Hosted, found: DepartureRow, word: Statement) -> str:
        signer = hosted.signers["peer"]
        return statements.statement(word, hosted.participant.did, found.target, tx.now, signer)

    def _held(self, tx: Tx, slug: str) -> DepartureRow:
        found = store.departure(tx, slug, lock=True)
        if found is None:
            raise Mistake("moving.not-moving", slug=slug)
        return found

    async def _require_room(self, slug: str) -> None:
        """Raises Mistake if the manifest would be longer than whoever takes it in reads: its end would say so, hours
        later."""
        _, agreements = await self._db.read(slug, _summary, slug)
        found = await asyncio.to_thread(lambda: [(name, path.stat().st_size) for name, path in self._files(slug)])
        over = await asyncio.to_thread(manifest.length, found, agreements) - manifest.MOST_BYTES
        if over > 0:
            raise Mistake("moving.names", over=over)

    async def _sealed_log(self, hosted: Hosted) -> None:
        """Every record has its place under a signed root."""
        for _ in range(TRIES):
            await self._seal_log(hosted)
            if not await self._db.read(hosted.participant.id, _unsealed, hosted.participant.id):
                return
            await asyncio.sleep(0.05)
        raise Unavailable("moving.log-waits")

    async def _plain(self, hosted: Hosted, to: Target) -> AsyncIterator[bytes]:
        """Entries for people, tables and files, and last the manifest."""
        slug, writer = hosted.participant.id, Writer()
        who = await self._db.read(slug, people.of, slug)
        yield writer.begin(Head(name=people.NAME))
        yield writer.block(frames.encoded(who))
        yield writer.end()
        for table in await self._db.read(slug, rows.layout):
            yield writer.begin(Head(name=ROWS + table.name, columns=tuple(table.columns)))
            after: list[Value] | None = None
            while True:
                found, after = await self._db.read(slug, self._page, slug, table, after)
                if not found:
                    break
                for some in frames.portions(found):
                    yield writer.block(frames.packed(some), len(some))
            yield writer.end()
        for name, path in await asyncio.to_thread(self._files, slug):
            yield writer.begin(Head(name=name))
            with await asyncio.to_thread(path.open, "rb") as file:
                while piece := await asyncio.to_thread(file.read, PIECE):
                    yield writer.block(piece)
            yield writer.end()
        log, agreements = await self._db.read(slug, _summary, slug)
        made = Manifest(
            form=manifest.FORM,
            move=to.move,
            to=to.did,
            product=self._product(),
            made_at=rfc3339(self._clock.now()),
            origin=manifest.origin_of(hosted.participant),
            log=log,
            agreements=agreements,
            entries=tuple(writer.entries),
        )
        jws = manifest.signed(made, hosted.signers["peer"])
        yield writer.begin(Head(name=MANIFEST))
        for at in range(0, len(jws), PIECE):
            yield writer.block(jws[at : at + PIECE])
        yield writer.end()

    @long
    def _page(
        self, tx: Tx, slug: str, table: Table, after: list[Value] | None
    ) -> tuple[list[frames.Row], list[Value] | None]:
        found = rows.page(tx, slug, table, after)
        plain = [rows.outgoing(tx, self._vault, slug, table, row) for row in found]
        return plain, rows.key_of(table, found[-1]) if found else None

    def _files(self, slug: str) -> list[tuple[str, Path]]:
        """Names of entries with where the files lie: what is published, and what was received."""
        return [
            (prefix + path.as_posix(), folder / slug / path)
            for prefix, folder in self._folders.items()
            if (folder / slug).is_dir()
            for path in copies.files(folder / slug)
        ]

    @long
    def _planned(self, tx: Tx, slug: str) -> tuple[DepartureRow | None, Plan]:
        counts = rows.counted(tx, slug)
        plan = Plan(
            rows=sum(counts.values()), agreements=counts["agreement"], records=counts["audit_entry"], files=0, bytes=0
        )
        return store.departure(tx, slug), plan


PREFIXES: Final = (FILES, RECEIVED)


def _unsealed(tx: Tx, slug: str) -> bool:
    row = tx.one("SELECT 1 FROM audit_entry WHERE participant = :slug AND leaf_index IS NULL LIMIT 1", slug=slug)
    return row is not None


@long
def _summary(tx: Tx, slug: str) -> tuple[Log, dict[str, str]]:
    newest = sealer.latest(tx, slug)
    log = Log(0, "") if newest is None else Log(newest.size, newest.root.hex())
    found = tx.all("SELECT id, digest FROM agreement WHERE participant = :slug ORDER BY id", slug=slug)
    return log, {str(row["id"]): str(row["digest"]) for row in found}
