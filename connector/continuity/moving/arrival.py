"""The side that a participant reaches: a place is kept for it, all of it is checked at rest, and it works here once the
other side has let go (spec/moving.md 3).

An archive is read twice: first nothing is believed until the last of its entries, the signed manifest, says the same of
all others; then it is written, at rest. What fails or dies in between leaves rows that nobody acts for, and the same
command removes them first. Whoever begins anew shuts out whoever was at it, and nobody removes what a receipt promises.
"""

import asyncio
import shutil
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.continuity.backup import copies
from connector.continuity.moving import (
    contents,
    envelope,
    frames,
    machine,
    manifest,
    people,
    rows,
    statements,
    store,
    target,
)
from connector.continuity.moving.contents import Blocks
from connector.continuity.moving.frames import ROWS, Head, Reader, Value
from connector.continuity.moving.manifest import Manifest, Origin
from connector.continuity.moving.people import Person
from connector.continuity.moving.rows import Table
from connector.continuity.moving.store import ArrivalRow, Source
from connector.continuity.moving.target import Secrets, Target
from connector.continuity.offboarding import participant_rows
from connector.dataspace.spaces.joining import carried
from connector.exchange.contracts.evidence import integrity as contracts
from connector.foundation.errors import Mistake
from connector.foundation.ids import new_uuid
from connector.foundation.storage.at_rest import at_rest
from connector.foundation.storage.database import PROCESS, Database, Tx, long
from connector.identity.audit import integrity as logs
from connector.identity.audit import origins
from connector.identity.participants import handover, lifecycle, publisher
from connector.identity.participants.keys import equip
from connector.identity.participants.model import Participant, checked_name, checked_slug, split_root
from connector.identity.participants.publisher_details import PublisherChange, PublisherDetails
from connector.identity.participants.service import Participants, enter
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.keys.signing import KeyRecord
from connector.identity.trust.keys.vault import Vault

KeyOf = Callable[[str, str], Awaitable[Jwk]]
"""(DID, key id): a key that the participant's tokens are signed with, as its present provider publishes it."""
AfterMove = Callable[[Tx, str], object]
"""What runs of a participant that has come goes on, or ends with a reason."""
ERASED: Final = 500
"""Rows that one transaction removes."""
PIECE: Final = 1 << 18


class ArrivalStatus(Struct, frozen=True, kw_only=True):
    """A place that is kept; `rows`, `agreements` and `records` are what has come so far."""

    arrival: ArrivalRow
    rows: int = 0
    agreements: int = 0
    records: int = 0


class _Read(NamedTuple):
    """A whole archive that says of itself what it is."""

    manifest: Manifest
    people: list[Person]


class Arrivals:
    """Of this database. `spool` is a folder for archives that are being read; `folders` as in `Departures`; `after` is
    done in the transaction in which a participant begins to work here."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        vault: Vault,
        key_of: KeyOf,
        folders: Mapping[str, Path],
        spool: Path,
        after: Sequence[AfterMove] = (),
    ) -> None:
        self._db, self._participants, self._vault, self._key_of = db, participants, vault, key_of
        self._folders, self._spool, self._after = folders, spool, after
        self._turn = asyncio.Lock()

    async def expect(self, slug: str, root: str | None = None) -> ArrivalRow:
        """Keeps a place under this short name, and makes the address to be handed to the present provider.

        The same again is the same; raises Mistake if the name or the root is somebody's.
        """
        place = self._participants.place(checked_slug(slug))[0] if root is None else split_root(root)[0]
        to, secrets = target.generated(dids.of_root(place), place)
        return await self._db.write(PROCESS, self._expect, slug, to, secrets)

    def _expect(self, tx: Tx, slug: str, to: Target, secrets: Secrets) -> ArrivalRow:
        known = store.arrival(tx, slug, lock=True)
        if known is not None:
            if known.target.root != to.root or known.state == "arrived":
                raise Mistake("participants.taken", slug=slug, root=to.root)
            return known
        if tx.one("SELECT 1 FROM participant WHERE id = :slug OR root = :root", slug=slug, root=to.root) is not None:
            raise Mistake("participants.taken", slug=slug, root=to.root)
        sealed = self._vault.seal(f"arrival|{to.move}", msgspec.json.encode(secrets))
        made = ArrivalRow(
            move=to.move,
            slug=slug,
            target=to,
            secret=sealed,
            state="waiting",
            digest="",
            source=Source(),
            receipt="",
            statement="",
            began_at=tx.now,
            changed_at=tx.now,
        )
        if not store.add_arrival(tx, made):
            raise Mistake("participants.taken", slug=slug, root=to.root)
        return made

    async def open(self) -> list[ArrivalRow]:
        """Places that are kept, and participants that rest here until they are handed over."""
        return await self._db.read(PROCESS, store.arrivals)

    async def look(self, slug: str) -> ArrivalStatus:
        """Raises Mistake if nobody is expected under this name."""
        found = await self._found(slug)
        counts = await self._db.read(slug, rows.counted, slug)
        return ArrivalStatus(
            arrival=found, rows=sum(counts.values()), agreements=counts["agreement"], records=counts["audit_entry"]
        )

    async def alike(self, found: ArrivalRow) -> list[Participant]:
        """Others here whom people would take for who comes; nobody as long as it is not known what it is called."""
        name = found.source.name
        return await self._participants.alike(found.slug, name) if name else []

    async def receive(self, slug: str, archive: AsyncIterable[bytes]) -> ArrivalStatus:
        """Takes an archive in and checks all of it; then the receipt is there. The same again is the same.

        Raises Mistake for one that is not whole, not for this place or not of whom it says, and Unavailable if the disk
        or the present provider's DID document cannot be had; nothing of it stays then.
        """
        found = await self._found(slug)
        async with self._turn:
            with self._spooled() as file:
                digest = await _stored(archive, file, self._spool)
                found = await self._found(slug)
                if found.state != "waiting":
                    machine.received(found.machine, digest)
                    return await self.look(slug)
                secrets = self._secrets(found)
                read, jwk = await self._examined(found, secrets, file)
                attempt = new_uuid()
                await self._db.write(slug, self._claimed, found, attempt)
                try:
                    await self._written(found, secrets, file, read, jwk, digest, attempt)
                except BaseException:
                    await self._undone(found, attempt)
                    raise
        await self._participants.catch_up()
        return await self.look(slug)

    async def begin(self, slug: str, statement: str) -> ArrivalStatus:
        """The participant works here from now on: the old side says that it has handed it over. Raises Mistake."""
        if (await self._found(slug)).state == "imported":
            await self._participants.get(slug)  # loaded: what goes on asks for it inside the transaction
        await self._db.write(slug, self._begin, slug, statement)
        await self._participants.catch_up()
        return await self.look(slug)

    @long
    @at_rest
    def _begin(self, tx: Tx, slug: str, statement: str) -> None:
        found = self._held(tx, slug)
        said = statements.read_statement(statement, found.source.did, found.source.jwk, found.target)
        after = machine.begin(found.machine, said)
        if found.state == "arrived":
            return
        if found.statement:  # being removed, by another word of the old side
            raise Mistake("moving.over")
        store.set_arrival(tx, replace(found, state=after.state, statement=statement, secret=b""))
        lifecycle.arrive(tx, slug)
        carried.believe(tx, slug, lifecycle.own_dids(tx, slug), handover.plain(statement))
        for goes_on in self._after:
            goes_on(tx, slug)

    async def give_up(self, slug: str, statement: str | None = None) -> None:
        """Frees the place; what rests here is removed. Raises Mistake once a receipt was made, unless the old side says
        that the participant stays with it."""
        found, attempt = await self._found(slug), new_uuid()
        async with self._turn:
            await self._db.write(slug, self._give_up, slug, statement, attempt)
            await self._undone(found, attempt)
            await self._db.write(slug, self._given_up, slug, attempt)
        await self._participants.catch_up()

    @at_rest
    def _give_up(self, tx: Tx, slug: str, statement: str | None, attempt: str) -> None:
        """It may be removed from here on; the place is free once nothing is left, so whoever dies may do it again."""
        found, said = self._held(tx, slug), None
        if statement is not None and found.state == "imported":
            said = statements.read_statement(statement, found.source.did, found.source.jwk, found.target)
        machine.give_up(found.machine, said)
        promised = statement or "" if found.state == "imported" else ""
        store.set_arrival(tx, replace(found, statement=promised, source=replace(found.source, attempt=attempt)))

    @at_rest
    def _given_up(self, tx: Tx, slug: str, attempt: str) -> None:
        found = self._held(tx, slug)
        if not _may_go(found, attempt):
            raise Mistake("moving.over")
        store.set_arrival(tx, replace(found, state="given-up", secret=b""))

    def _held(self, tx: Tx, slug: str) -> ArrivalRow:
        found = store.arrival(tx, slug, lock=True)
        if found is None:
            raise Mistake("moving.not-expected", slug=slug)
        return found

    async def _found(self, slug: str) -> ArrivalRow:
        found = await self._db.read(PROCESS, store.arrival, checked_slug(slug))
        if found is None:
            raise Mistake("moving.not-expected", slug=slug)
        return found

    def _secrets(self, found: ArrivalRow) -> Secrets:
        return msgspec.json.decode(self._vault.open(f"arrival|{found.move}", found.secret), type=Secrets)

    # Reading

    @contextmanager
    def _spooled(self) -> Iterator[IO[bytes]]:
        """A file for the archive, as encrypted as it came. It has no name, so that no other replica writes into it on a
        disk that they share, and is gone with whoever holds it."""
        with copies.room(self._spool):
            copies.private(self._spool)
            file = TemporaryFile(dir=self._spool)  # noqa: SIM115 closed below
        try:
            yield file
        finally:
            with suppress(OSError):  # of a full disk was told where it was written
                file.close()

    async def _examined(self, found: ArrivalRow, secrets: Secrets, file: IO[bytes]) -> tuple[_Read, Jwk]:
        """Everything once, with nothing believed; then who signed it, as the participant's own host says."""
        seen, jws, who = await asyncio.to_thread(contents.walked, file, secrets.archive, found.move)
        did, kid = manifest.claimed(jws)
        jwk = await self._key_of(did, kid)
        made = manifest.read(jws, jwk)
        if (made.move, made.to, made.origin.did) != (found.move, found.target.did, did):
            raise Mistake("moving.other-move")
        if manifest.tally_of(made.entries) != seen or len({one.name for one in made.entries}) != len(made.entries):
            raise Mistake("moving.damaged")
        if did == found.target.did or dids.of_root(split_root(made.origin.root)[0]) != did:
            raise Mistake("moving.same-place")
        for one in made.origin.former:
            dids.parse(one)
        return _Read(made, who), jwk

    # Writing

    @at_rest
    def _claimed(self, tx: Tx, found: ArrivalRow, attempt: str) -> None:
        """From here on no other attempt writes or removes a row; raises Mistake if one was done meanwhile."""
        held = self._waiting(tx, found)
        store.set_arrival(tx, replace(held, source=replace(held.source, attempt=attempt)))

    def _waiting(self, tx: Tx, found: ArrivalRow, attempt: str | None = None) -> ArrivalRow:
        held = self._held(tx, found.slug)
        if held.move != found.move or held.state != "waiting" or attempt not in (None, held.source.attempt):
            raise Mistake("moving.over")
        return held

    async def _written(
        self, found: ArrivalRow, secrets: Secrets, file: IO[bytes], read: _Read, jwk: Jwk, digest: str, attempt: str
    ) -> None:
        await self._undone(found, attempt)  # of an attempt that died
        here = [one.participant.operator for one in await self._participants.all()]
        slug, own = found.slug, _participant(found, read.manifest, here[0] if here else "")
        known = await self._db.write(slug, self._enter, found, own, read, jwk, attempt)
        layout = {one.name: one for one in await self._db.read(slug, rows.layout)}
        file.seek(0)
        for head, blocks in Reader(envelope.opened(file.read, secrets.archive, found.move)).entries():
            await self._entry(found, layout, known, attempt, head, blocks)
        await self._checked(slug, read.manifest)
        fresh = self._participants.fresh(own)
        await self._db.write(slug, self._book_archive, found, own, secrets, read.manifest, digest, fresh, attempt)

    @at_rest
    def _enter(
        self, tx: Tx, found: ArrivalRow, own: Participant, read: _Read, jwk: Jwk, attempt: str
    ) -> dict[str, str]:
        """The participant's row, and its people: old id -> new id."""
        held = self._waiting(tx, found, attempt)
        for did in read.manifest.origin.former:
            if lifecycle.works(tx, did):  # nobody was who somebody else here is
                raise Mistake("moving.same-place")
        enter(tx, own)
        known = people.enter(tx, own.id, read.people)
        origin, who = read.manifest.origin, tuple(known.values())
        source = Source(did=origin.did, name=origin.name, jwk=store.jwk_text(jwk), people=who, attempt=attempt)
        store.set_arrival(tx, replace(held, source=source))
        return known

    async def _entry(
        self,
        found: ArrivalRow,
        layout: Mapping[str, Table],
        known: Mapping[str, str],
        attempt: str,
        head: Head,
        blocks: Blocks,
    ) -> None:
        if head.name.startswith(ROWS):
            table = layout.get(head.name.removeprefix(ROWS))
            if table is None:
                raise Mistake("moving.table", table=head.name[:80])
            while (block := await asyncio.to_thread(next, blocks, None)) is not None:
                for some in rows.batches(frames.unpacked(block)):
                    await self._db.write(found.slug, self._rows, found, table, head.columns, some, known, attempt)
            return
        folder = next((self._folders[one] for one in self._folders if head.name.startswith(one)), None)
        if folder is not None:
            path, own = head.name.partition("/")[2], folder / found.slug
            waiting = await asyncio.to_thread(contents.poured, own, path, attempt, blocks)
            try:
                await self._db.write(found.slug, self._placed, found, waiting, own / path, attempt)
            finally:
                waiting.unlink(missing_ok=True)

    @long
    @at_rest
    def _placed(self, tx: Tx, found: ArrivalRow, waiting: Path, place: Path, attempt: str) -> None:
        """The file to where it belongs, while nobody can begin anew: whoever was shut out replaces none of who was
        faster. A unit that is run again finds it there."""
        self._waiting(tx, found, attempt)
        with copies.room(place), suppress(FileNotFoundError):
            waiting.replace(place)

    @long
    @at_rest
    def _rows(
        self,
        tx: Tx,
        found: ArrivalRow,
        table: Table,
        columns: Sequence[str],
        some: Sequence[Sequence[Value]],
        known: Mapping[str, str],
        attempt: str,
    ) -> None:
        self._waiting(tx, found, attempt)
        for row in some:
            rows.incoming(tx, self._vault, found.slug, table, columns, row, known)

    async def _checked(self, slug: str, made: Manifest) -> None:
        """Raises Mistake unless all that the manifest names is here, and proves itself."""
        counts = await self._db.read(slug, rows.counted, slug)
        wanted = {one.name.removeprefix(ROWS): one.rows for one in made.entries if one.name.startswith(ROWS)}
        if {name: count for name, count in counts.items() if count} != {n: c for n, c in wanted.items() if c}:
            raise Mistake("moving.incomplete")
        await self._db.read(slug, _proven, slug, made)

    @long
    @at_rest
    def _book_archive(
        self,
        tx: Tx,
        found: ArrivalRow,
        own: Participant,
        secrets: Secrets,
        made: Manifest,
        digest: str,
        keys: list[tuple[KeyRecord, bytes]],
        attempt: str,
    ) -> None:
        """All is here: it gets keys of its own, its log goes on under its new origin, and the receipt is there."""
        held = self._waiting(tx, found, attempt)
        after = machine.received(held.machine, digest)
        equip(tx, own, keys, "arrived")
        origins.begin(
            tx, own.id, own.did, own.root, made.log.size, origins.OWN, left=made.origin.root
        )  # under the old origin the old place may have signed more since
        said = after.receipt
        assert said is not None
        text = statements.receipt(said, held.target, secrets)
        store.set_arrival(tx, replace(held, state=after.state, digest=digest, receipt=text))

    async def _undone(self, found: ArrivalRow, attempt: str) -> None:
        """Nothing is left of what came; nobody ever acted for it. Whoever works under that name is not touched, nor
        what another attempt has begun or a receipt promises."""
        slug, move = found.slug, found.move
        if not await self._db.read(slug, _rests, slug, move, attempt):
            return
        while await self._db.write(slug, _erased, slug, move, attempt):
            pass
        await self._db.write(slug, _removed, slug, move, attempt, [folder / slug for folder in self._folders.values()])


def _may_go(found: ArrivalRow | None, attempt: str) -> bool:
    """Whether this attempt may remove what has come: no receipt was made, or the old side has said that it stays."""
    if found is None or found.source.attempt != attempt:
        return False
    return found.state == "waiting" or (found.state == "imported" and bool(found.statement))


def _participant(found: ArrivalRow, made: Manifest, operator: str) -> Participant:
    """What it is here: as there, but for its address and its operator, who is that of the others here."""
    root, host, path = split_root(found.target.root)
    origin = made.origin
    return Participant(
        id=found.slug,
        did=found.target.did,
        root=root,
        host=host,
        path=path,
        name=checked_name(origin.name),
        kind=origin.kind,
        operator=checked_name(operator or origin.name),
        state="arriving",
        publisher=_publisher(origin),
        former=(origin.did, *(one for one in origin.former if one != found.target.did)),
    )


def _publisher(origin: Origin) -> PublisherDetails:
    """Checked as if the participant said it here: pages show it to everybody."""
    said = PublisherChange(**msgspec.structs.asdict(origin.publisher))
    try:
        return publisher.changed(PublisherDetails(), said, origin.kind)
    except Mistake as cause:
        raise Mistake("moving.damaged") from cause


async def _stored(archive: AsyncIterable[bytes], file: IO[bytes], place: Path) -> str:
    """The SHA-256 of what the file holds now; raises Unavailable if it does not fit on the disk of `place`."""
    digest = sha256()
    with copies.room(place):
        async for piece in archive:
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
        await asyncio.to_thread(file.flush)
    return digest.hexdigest()


def _rests(tx: Tx, slug: str, move: str, attempt: str) -> bool:
    """Whether somebody lies here who has not arrived, and may be removed."""
    row = tx.one("SELECT 1 FROM participant WHERE id = :slug AND state = 'arriving'", slug=slug)
    return row is not None and _may_go(store.arrival_of(tx, move), attempt)


@at_rest
@long
def _erased(tx: Tx, slug: str, move: str, attempt: str) -> int:
    store.arrival(tx, slug, lock=True)
    return participant_rows.erase(tx, slug, ERASED) if _rests(tx, slug, move, attempt) else 0


@long
@at_rest
def _removed(tx: Tx, slug: str, move: str, attempt: str, folders: Sequence[Path]) -> None:
    """Files go while nobody can begin anew, or they might be those of who did."""
    found = store.arrival(tx, slug, lock=True)
    if found is not None and _rests(tx, slug, move, attempt):
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        lifecycle.unmake(tx, slug)
        people.forget(tx, list(found.source.people))
        store.set_arrival(tx, replace(found, source=replace(found.source, people=())))


@long
def _proven(tx: Tx, slug: str, made: Manifest) -> None:
    """Every record under its leaf, every signed state over its leaves, every agreement as it was sealed."""
    for _, why in logs.examined(tx, slug):
        if why is not None:
            raise Mistake("moving.log", why=why)
    newest = tx.one("SELECT size, root FROM audit_seal WHERE participant = :slug ORDER BY size DESC LIMIT 1", slug=slug)
    state = (0, "") if newest is None else (int(newest["size"]), bytes(newest["root"]).hex())
    if state != (made.log.size, made.log.root):
        raise Mistake("moving.log", why="log-root")
    found = tx.all("SELECT id, digest FROM agreement WHERE participant = :slug", slug=slug)
    if {str(row["id"]): str(row["digest"]) for row in found} != made.agreements:
        raise Mistake("moving.agreements")
    for name, why in contracts.examined(tx, slug):
        if why is not None:
            raise Mistake("moving.agreement", agreement=name, why=why)
