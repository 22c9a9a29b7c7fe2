"""Which lists this process holds, as it tells it to other members, and what becomes of two that differ.

Members compare digests of what an authority showed them, for nobody else can notice an authority that shows two lists
of one number (threat T163). Nothing is believed that the authority did not sign: a digest that differs is a reason to
show each other the lists, no more (spec/trust.md 4.8, decision 0196).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Final, Literal, NamedTuple, Protocol

from msgspec import Meta, Struct

from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unauthenticated
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.members import forks
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.forks import Verdict
from connector.identity.trust.members.pins import KEPT
from connector.identity.trust.members.trust_list import Anchor

MOST: Final = 64
"""Claims that are told, and read: of twelve authorities and more."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, Meta(ge=1, le=9_007_199_254_740_991)]
Urn = Annotated[str, Meta(min_length=1, max_length=128)]


class ListClaim(Struct, frozen=True):
    """That somebody holds a list of an authority (URN): its number, and the SHA-256 (hex) of its claims as signed."""

    authority: Urn
    version: Number
    sha256: Digest


class Numbered(NamedTuple):
    """Which list: the URN of its authority, and its number."""

    authority: str
    version: int


Tell = Callable[[], Awaitable[None]]
"""Tells of every proof that nobody was told of."""


class Source(Protocol):
    """Where lists come from."""

    async def seeks(self, authority: str) -> bool:
        """Whether newer lists of an authority (URN) are looked for elsewhere, and so may be hidden from us."""

    async def handed(self, authority: str, jws: str) -> object:
        """Takes a list that a member shows, as if it came from there; raises PeerError or Unauthenticated."""


_REMEMBERED: Final = 1_000


class HeldLists:
    """The lists in force, and those that were so before and are kept still; `tell` is called once a proof is kept."""

    def __init__(self, db: Database, clock: Clock, anchors: AnchorOfSpaces, tell: Tell, source: Source) -> None:
        self._db, self._clock, self._anchors, self._tell, self._source = db, clock, anchors, tell, source
        self._digests: dict[_Kept, str] = {}
        self._one = asyncio.Lock()

    async def claims(self, own: str, did: str) -> tuple[ListClaim, ...]:
        """What a participant of ours (`own`) tells a member: of the lists alone in which both belong now, the newest
        numbers that are kept, and both of two of one number."""
        shared = list(self._anchors.shared_lists(own, did, self._clock.now()))
        found = [(one, await self._digest(one)) for name in shared for one in await self._kept(name)]
        return tuple(dict.fromkeys(ListClaim(*one.name, digest) for one, digest in found if digest))[:MOST]

    def numbers(self, own: str, did: str) -> Mapping[str, int]:
        """The number in force of each list (URN of its authority) in which both belong now, settled or not."""
        shared = self._anchors.shared_lists(own, did, self._clock.now())
        return {name: self._anchors.version_of(name) for name in shared}

    async def show(self, own: str, did: str, which: Numbered, beside: str) -> str | None:
        """A list of that number as signed, and not the one of this digest if there is another; None for one that is not
        held, or not shared with that member."""
        if which.authority not in self._anchors.shared_lists(own, did, self._clock.now()):
            return None
        held = [one for one in await self._kept(which.authority) if one.name == which]
        others = [one for one in held if await self._digest(one) != beside]
        return await self._text((others or held)[0]) if held else None

    async def judge(self, authority: str, held: str, other: str) -> Verdict:
        """What our list and another text are; of two lists of one number both are kept, and only then somebody is told.
        One at a time: a list of 8 MiB takes a while."""
        pin = self._anchors.pin_of(authority)
        if pin is None:
            return "unproven"
        async with self._one:
            verdict = await forks.compared(self._db, authority, pin.jwk, held, other)
        if verdict == "forked":
            await self._tell()
        return verdict

    async def lacks(self, which: Numbered) -> bool:
        """Whether a list of that number would be newer than the one in force, and may be taken from a member."""
        return which.version > self._anchors.version_of(which.authority) and await self._source.seeks(which.authority)

    async def take(self, which: Numbered, jws: str) -> bool:
        """Whether this text brought a list into force that is as new as a member claimed (decision 0176)."""
        try:
            await self._source.handed(which.authority, jws)
        except (PeerError, Unauthenticated):
            return False
        return self._anchors.version_of(which.authority) >= which.version

    async def _kept(self, authority: str) -> "list[_Kept]":
        return await self._db.read(PROCESS, _kept, authority, authority == self._anchors.own_name)

    async def _text(self, one: "_Kept") -> str | None:
        return await self._db.read(PROCESS, _text, one, one.name.authority == self._anchors.own_name)

    async def _digest(self, one: "_Kept") -> str:
        """Of the claims as they were signed; each list is read once for it. Empty if it has gone meanwhile."""
        if one not in self._digests:
            text = await self._text(one)
            if text is None:
                return ""
            self._digests[one] = await asyncio.to_thread(digest_of, text)
            while len(self._digests) > _REMEMBERED:
                del self._digests[next(iter(self._digests))]
        return self._digests[one]


def held_for(anchors: AnchorOfSpaces, own: str, authority: str) -> Anchor | None:
    """The list in force of an authority (URN) whose space a participant of ours (`own`) joined itself, if it names that
    one: who only asked to belong, or is named by nobody, holds nothing that tells of it."""
    listed = anchors.home if authority == anchors.own_name else anchors.list_of(authority)
    joined = any(own in one.members for one in anchors.joined if one.authority == authority)
    return listed if joined and listed is not None and own in listed.entries else None


def digest_of(jws: str) -> str:
    """SHA-256 (hex) of the claims of a compact JWS as they were signed; empty for what is none."""
    try:
        return sha256(decode(jws.split(".")[1])).hexdigest()
    except (ValueError, IndexError):
        return ""


def disputed(mine: Iterable[ListClaim], theirs: Iterable[ListClaim]) -> dict[Numbered, str]:
    """Numbers that both hold and of which one of the two holds a list that the other does not claim; each with the
    digest that they claim. Who holds two already, as they do, has nothing to learn."""
    ours, told = _by_number(mine), _by_number(theirs)
    return {
        name: min(told[name])
        for name in ours.keys() & told.keys()
        if ours[name] != told[name] and min(len(ours[name]), len(told[name])) == 1
    }


def ahead(ours: Mapping[str, int], theirs: Iterable[ListClaim]) -> list[Numbered]:
    """Of each authority whose list is in force here, by its number, the newest one that they claim, if that is beyond
    it: also where ours was settled and is told of no more."""
    told = _newest(theirs)
    return [Numbered(name, number) for name, number in told.items() if number > ours.get(name, number)]


def _newest(claims: Iterable[ListClaim]) -> Mapping[str, int]:
    found = dict[str, int]()
    for one in claims:
        found[one.authority] = max(one.version, found.get(one.authority, 0))
    return found


def _by_number(claims: Iterable[ListClaim]) -> Mapping[Numbered, set[str]]:
    found = defaultdict[Numbered, set[str]](set)
    for one in claims:
        found[Numbered(one.authority, one.version)].add(one.sha256)
    return found


class _Kept(NamedTuple):
    """A list in the database: of its number, or one of a pair, and when it came there (ms), by which it is no other."""

    name: Numbered
    place: Literal["list", "held", "other"]
    at: int


def _kept(tx: Tx, authority: str, configured: bool) -> list[_Kept]:
    """Lists of an authority that are held, the newest first, and both of a pair; numbers that an operator settled are
    told of no more. Their texts are not read: of large ones that takes longer than a member may hold up everybody."""
    since = forks.settled(tx, authority)
    rows = tx.all(_CONFIGURED if configured else _OF_SPACE, since=since, most=KEPT, **_whose(authority, configured))
    found = [_Kept(Numbered(authority, int(row["version"])), "list", int(row["accepted_at"])) for row in rows]
    pair = tx.one(_PAIR, authority=authority, since=since)
    if pair is not None:
        name, at = Numbered(authority, int(pair["version"])), int(pair["found_at"])
        found += [_Kept(name, "held", at), _Kept(name, "other", at)]
    return found


def _whose(authority: str, configured: bool) -> dict[str, object]:
    """The configured list is one alone."""
    return {} if configured else {"authority": authority}


_CONFIGURED: Final = (
    "SELECT version, accepted_at FROM trust_list WHERE version > :since ORDER BY version DESC LIMIT :most"
)
_OF_SPACE: Final = (
    "SELECT version, accepted_at FROM space_list WHERE authority = :authority AND version > :since"
    " ORDER BY version DESC LIMIT :most"
)
_PAIR: Final = "SELECT version, found_at FROM forked_list WHERE authority = :authority AND version > :since"
_CONFIGURED_TEXT: Final = "SELECT jws AS text FROM trust_list WHERE version = :version AND accepted_at = :at"
_TEXTS: Final = {
    "list": "SELECT jws AS text FROM space_list"
    " WHERE authority = :authority AND version = :version AND accepted_at = :at",
    "held": "SELECT held AS text FROM forked_list"
    " WHERE authority = :authority AND version = :version AND found_at = :at",
    "other": "SELECT other AS text FROM forked_list"
    " WHERE authority = :authority AND version = :version AND found_at = :at",
}


def _text(tx: Tx, one: _Kept, configured: bool) -> str | None:
    """None if it has gone meanwhile."""
    configured = configured and one.place == "list"
    sql = _CONFIGURED_TEXT if configured else _TEXTS[one.place]
    row = tx.one(sql, version=one.name.version, at=one.at, **_whose(one.name.authority, configured))
    return None if row is None else str(row["text"])
