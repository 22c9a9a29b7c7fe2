"""Two different lists of one number that one authority signed: kept as they were signed, so that anybody can judge.

The first pair of an authority stays, whatever comes later: one is proof enough, and none can fill the disk
(decision 0169).
"""

from msgspec import Struct, convert

from connector.storage.database import Tx

FORK = "trust.list-fork"
"""Code of the error that says so: both lists bear the authority's signature then."""


class ForkedList(Struct, frozen=True, kw_only=True):
    """`held` was in force here, `other` the authority showed beside it: both are compact JWS of that version."""

    authority: str
    version: int
    held: str
    other: str


def keep(tx: Tx, one: ForkedList) -> None:
    """Nothing if a pair of that authority is kept already."""
    tx.run(
        "INSERT INTO forked_list (authority, version, held, other, found_at)"
        " VALUES (:authority, :version, :held, :other, :now) ON CONFLICT DO NOTHING",
        authority=one.authority,
        version=one.version,
        held=one.held,
        other=one.other,
        now=tx.now,
    )


def kept(tx: Tx, authority: str) -> ForkedList | None:
    """The proof against an authority, if there is one."""
    row = tx.one("SELECT authority, version, held, other FROM forked_list WHERE authority = :authority",
                 authority=authority)  # fmt: skip
    return None if row is None else convert(dict(row), ForkedList)
