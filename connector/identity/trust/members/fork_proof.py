"""The proof against an authority as a file: both lists as it signed them, and its key, for whoever checks without us.

The name of an authority is that of its key, so the file proves itself; whether that is the authority of the space is
told by the fingerprint, which people compare (spec/trust.md 4.8).
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from connector.foundation.errors import HanseError, Mistake
from connector.foundation.http import strict
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members import forks
from connector.identity.trust.members.forks import ForkedList
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.strictest import disagreement
from connector.identity.trust.members.trust_list import LIMIT, Entry, read_list

MOST: Final = 2 * LIMIT + 65_536
"""Bytes of such a file."""
Stands = Literal["active", "suspended", "absent"]


class ForkProof(Struct, frozen=True, kw_only=True):
    """`authority` is the URN of `key` (a public JWK); `lists` are two compact JWS of `version`."""

    kind: Literal["hanse-two-lists"] = "hanse-two-lists"
    authority: str
    version: int
    key: dict[str, str]
    lists: tuple[Annotated[str, Meta(max_length=LIMIT)], Annotated[str, Meta(max_length=LIMIT)]]


class Difference(Struct, frozen=True, kw_only=True):
    """How a member stands in the one and in the other; if alike, something else of it is said differently."""

    did: str
    name: str
    one: Stands
    two: Stands


class Proven(Struct, frozen=True, kw_only=True):
    """What a file proves: this authority signed two different lists of that number, for that space (IRI, or empty)."""

    authority: str
    version: int
    space: str
    name: str
    issued: tuple[str, str]
    differences: tuple[Difference, ...]


def proof_of(pair: ForkedList, jwk: Mapping[str, object]) -> ForkProof:
    """To be written into a file."""
    return ForkProof(
        authority=pair.authority,
        version=pair.version,
        key={name: str(value) for name, value in jwk.items()},
        lists=(pair.held, pair.other),
    )


def proven(data: bytes) -> Proven:
    """What the file proves; raises Mistake if that is nothing."""
    try:
        said = msgspec.convert(strict.loads(data, limit=MOST, string=MOST), ForkProof, strict=True)
        named = said.authority == URN + thumbprint(said.key)
    except (HanseError, msgspec.ValidationError) as cause:
        raise Mistake("trust.no-fork-proof") from cause
    verdict, version = forks.judged(said.key, *said.lists)
    if not named or verdict != "forked" or version != said.version:
        raise Mistake("trust.no-fork-proof")
    one, two = (read_list(text, said.key) for text in said.lists)
    members = disagreement(one, two).members
    return Proven(
        authority=said.authority,
        version=version,
        space=one.space or "",
        name=one.name or "",
        issued=(one.issued, two.issued),
        differences=tuple(_difference(did, *both) for did, both in members.items()),
    )


def _difference(did: str, one: Entry | None, two: Entry | None) -> Difference:
    name = next((each.name for each in (one, two) if each is not None), "")
    return Difference(did=did, name=name, one=_stands(one), two=_stands(two))


def _stands(one: Entry | None) -> Stands:
    return "absent" if one is None else one.state
