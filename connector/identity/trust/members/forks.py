"""Two different lists of one number that one authority signed: kept as they were signed, so that anybody can judge.

The first pair of an authority stays, whatever comes later: one is proof enough, and none can fill the disk
(decision 0169). It is told of once, after a crash too, and stands until an operator settles it (decision 0196).
"""

import asyncio
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct, convert

from connector.foundation.errors import HanseError
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.keys.jose import signed_text
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members.pins import TOPIC
from connector.identity.trust.members.strictest import Disagreement, disagreement
from connector.identity.trust.members.trust_list import LARGEST, LIMIT, TYP, read_list

FORK = "trust.list-fork"
"""Code of the error that says so: both lists bear the authority's signature then."""
SETTLED = "trust.list-settled"
"""What the log says once an operator has settled it."""
_COLUMNS = "authority, version, held, other"
_CASE = "authority, version, found_at, told_at, settled_at, settled_told_at"


class ForkedList(Struct, frozen=True, kw_only=True):
    """`held` was in force here, `other` the authority showed beside it: both are compact JWS of that version."""

    authority: str
    version: int
    held: str
    other: str


Verdict = Literal["forked", "same", "unproven"]
"""Of two texts: two different lists of one number, one list in both, or not both lists of this key and one number."""


async def compared(db: Database, authority: str, jwk: Jwk, held: str, other: str) -> Verdict:
    """What two texts are, held against the authority's key; two different lists of one number are kept, unless the pair
    that is kept stays anyway: then neither is read, for an authority may sign as many as it likes."""
    upto = await db.read(PROCESS, _convicted, authority)
    verdict, version = await asyncio.to_thread(judged, jwk, held, other, upto)
    if verdict == "forked" and version > upto:
        await db.write(PROCESS, keep, ForkedList(authority=authority, version=version, held=held, other=other), jwk)
    return verdict


def judged(jwk: Jwk, held: str, other: str, upto: int = 0) -> tuple[Verdict, int]:
    """The same with the number that both have, and nothing is kept. Of what nobody signed nothing is read, and of lists
    that are not of one number no more than whose they are and that, as of those up to a number: somebody may show a
    large one again and again."""
    try:
        said = [signed_text(text, jwk, typ=TYP, limit=LIMIT) for text in (held, other)]
        names = [msgspec.json.decode(text, type=_Named) for text in said]
        if names[0] != names[1]:
            return "unproven", 0
        if names[0].version <= upto:
            return "same" if said[0] == said[1] else "forked", names[0].version
        one, two = (read_list(text, jwk) for text in (held, other))
    except (HanseError, msgspec.MsgspecError):
        return "unproven", 0
    return "same" if one == two else "forked", one.version


class _Named(Struct, frozen=True):
    """What two lists have in common that cannot both hold."""

    version: int
    authority: str
    space: str | None = None


def keep(tx: Tx, one: ForkedList, jwk: Jwk) -> None:
    """Nothing if a pair of that authority is kept already; one that was settled yields to one of a later number."""
    kept_now = tx.run(
        "INSERT INTO forked_list (authority, version, held, other, jwk, found_at)"
        " VALUES (:authority, :version, :held, :other, :jwk, :now) ON CONFLICT (authority) DO UPDATE SET"
        " version = excluded.version, held = excluded.held, other = excluded.other, jwk = excluded.jwk,"
        " found_at = excluded.found_at, told_at = NULL, settled_at = NULL, settled_told_at = NULL"
        " WHERE forked_list.settled_at IS NOT NULL AND excluded.version > forked_list.version",
        authority=one.authority,
        version=one.version,
        held=one.held,
        other=one.other,
        jwk=msgspec.json.encode(jwk).decode(),
        now=tx.now,
    )
    if kept_now:
        tx.signal(TOPIC)


def kept(tx: Tx, authority: str) -> ForkedList | None:
    """The proof against an authority, settled or not, if there is one."""
    row = tx.one(f"SELECT {_COLUMNS} FROM forked_list WHERE authority = :authority", authority=authority)  # noqa: S608
    return None if row is None else convert(dict(row), ForkedList)


def _convicted(tx: Tx, authority: str) -> int:
    """The number up to which no pair would be kept: any while one is open, that of one that was settled; 0: none is."""
    row = tx.one("SELECT version, settled_at FROM forked_list WHERE authority = :authority", authority=authority)
    if row is None:
        return 0
    return LARGEST if row["settled_at"] is None else int(row["version"])


def key_of(tx: Tx, authority: str) -> Jwk | None:
    """The key (JWK) that signed both lists of the proof, whoever still goes by it; None if there is none, or one of a
    release that did not keep it."""
    row = tx.one("SELECT jwk FROM forked_list WHERE authority = :authority", authority=authority)
    return None if row is None or row["jwk"] is None else msgspec.json.decode(row["jwk"], type=dict[str, object])


class Case(Struct, frozen=True, kw_only=True):
    """How it stands with the proof against an authority; times in ms, None: not yet."""

    authority: str
    version: int
    found_at: int
    told_at: int | None
    settled_at: int | None
    settled_told_at: int | None = None

    @property
    def untold(self) -> bool:
        """Whether there is something of which nobody was told yet."""
        return self.told_at is None or (self.settled_at is not None and self.settled_told_at is None)

    @property
    def pair(self) -> "Found":
        """Which one it is, whatever becomes of it."""
        return Found(self.authority, self.version, self.found_at)


class Found(NamedTuple):
    """A pair: whose it is, its number, and when it was found (ms)."""

    authority: str
    version: int
    found_at: int


def doubt(pair: ForkedList, jwk: Jwk) -> Disagreement:
    """What both say differently; a thread may do that."""
    return disagreement(*(read_list(text, jwk) for text in (pair.held, pair.other)))


def cases(tx: Tx) -> list[Case]:
    """All of them without their texts, which may be large; the oldest first."""
    rows = tx.all(f"SELECT {_CASE} FROM forked_list ORDER BY found_at, authority")  # noqa: S608
    return [convert(dict(row), Case) for row in rows]


def told(tx: Tx, one: Case) -> None:
    """Everybody was told of this one."""
    tx.run(
        "UPDATE forked_list SET told_at = :now WHERE authority = :authority AND version = :version AND told_at IS NULL",
        authority=one.authority,
        version=one.version,
        now=tx.now,
    )


def told_settled(tx: Tx, one: Case) -> None:
    """Everybody was told that this one is settled."""
    tx.run(
        "UPDATE forked_list SET settled_told_at = :now"
        " WHERE authority = :authority AND version = :version AND settled_at IS NOT NULL AND settled_told_at IS NULL",
        authority=one.authority,
        version=one.version,
        now=tx.now,
    )


def settle(tx: Tx, authority: str, version: int) -> bool:
    """An operator has found out what holds: the list in force alone counts from now on, and nobody takes that back.
    Whether there was something to settle."""
    done = tx.run(
        "UPDATE forked_list SET settled_at = :now"
        " WHERE authority = :authority AND version = :version AND settled_at IS NULL",
        authority=authority,
        version=version,
        now=tx.now,
    )
    if done:
        tx.signal(TOPIC)
    return bool(done)


def settled(tx: Tx, authority: str) -> int:
    """The number up to which an operator has settled what two lists said; 0: nothing."""
    row = tx.one(
        "SELECT version FROM forked_list WHERE authority = :authority AND settled_at IS NOT NULL", authority=authority
    )
    return 0 if row is None else int(row["version"])
