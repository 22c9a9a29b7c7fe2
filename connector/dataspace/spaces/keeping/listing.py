"""The list that follows, as the tables have it now, and whether everybody can read it.

Each member keeps to its own bounds, and a thousand of them together may still say more than any reader takes. So what
adds to a list asks here, in its own transaction, whether that still fits; what takes away is never refused, and has a
reserve for the ends that a list says of it (spec/spaces.md 4.2; threat T123).
"""

import json
from typing import Final

import msgspec

from connector.dataspace.spaces import group_store, member_store, recovery_store, store
from connector.dataspace.spaces.decision import next_list
from connector.dataspace.spaces.model import Space
from connector.dataspace.spaces.store import Version
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http.strict import loads
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.list_writer import to_form
from connector.identity.trust.members.trust_list import LIMIT, NODES, TrustList

MOST_CLAIMS: Final = (LIMIT - 512) // 4 * 3
"""Bytes of what is signed: as base64url, with head and signature, that is a list of `LIMIT`."""
RESERVE: Final = 3 << 18
RESERVE_NODES: Final = 40_000
"""For ends of members, suspensions and groups, and for the keys of the authority itself."""
GROWTH: Final = 1 << 17
GROWTH_NODES: Final = 40_000
"""More than any one change adds: keys of `member_keys.MOST_BYTES` beside those of before with their ends."""


def following(tx: Tx, space: Space, newest: Version | None) -> TrustList:
    """The next list: what holds now of all members."""
    slug = space.participant
    before = None if newest is None else msgspec.convert(json.loads(newest.claims), TrustList)
    return next_list.following(
        space,
        member_store.members(tx, slug),
        before,
        tx.now,
        _number(tx, slug, newest),
        member_store.recognised(tx, slug),
        group_store.groups(tx, slug),
        group_store.grouped(tx, slug),
    )


def _number(tx: Tx, slug: str, newest: Version | None) -> int:
    """Numbers rise, and behind a restore some are left out: they may be out already."""
    return max(1 if newest is None else newest.version + 1, recovery_store.floor(tx, slug))


def claims_of(listed: TrustList) -> str:
    """What is signed (JSON)."""
    return json.dumps(to_form(listed), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def require_readable(claims: str, reserve: int = 0, reserve_nodes: int = 0) -> None:
    """Raises Mistake unless every reader takes a list of that size, and of so much more."""
    data = claims.encode()
    if not _small(data, reserve, reserve_nodes):
        try:
            loads(data, limit=MOST_CLAIMS - reserve, nodes=NODES - reserve_nodes, string=LIMIT)
        except PeerError as cause:
            raise Mistake("spaces.list-full") from cause


def require_room(tx: Tx, slug: str, *, replaces: bool = False) -> None:
    """After a change that adds to the list of this authority: raises Mistake if that can no more be said.

    What `replaces` keys by no larger ones, perhaps because one was stolen, may take half of the reserve.
    """
    reserve, nodes = (RESERVE // 2, RESERVE_NODES // 2) if replaces else (RESERVE, RESERVE_NODES)
    space, newest = store.space(tx, slug), store.newest_version(tx, slug, signed=False)
    assert space is not None
    waiting = space.changes - space.listed
    if newest is not None and _small(
        newest.claims.encode(), reserve + waiting * GROWTH, nodes + waiting * GROWTH_NODES
    ):
        return
    require_readable(claims_of(following(tx, space, newest)), reserve, nodes)


def _small(claims: bytes, more: int, more_nodes: int) -> bool:
    """Whether that fits without a closer look: separators within texts only overcount."""
    separators = sum(map(claims.count, (b"{", b"[", b",", b":")))
    return len(claims) + more <= MOST_CLAIMS and separators + more_nodes < NODES
