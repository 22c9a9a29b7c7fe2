"""What rules may know of a participant that has been merged into another one: only what the list says of both.

It is part of that one by law, so nothing counts that only the former of the two was; and it is not that one, so nothing
counts that only the latter is (spec/trust.md 4.7; threat T122).
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from connector.identity.trust.members.successors import Successors


class Facts(NamedTuple):
    """What a list says of a member as far as rules look: IRIs of kind and level, regional key of its seat; `into` is
    whom it is part of at the instant that is asked about, empty if nobody."""

    kind: str
    admin_level: str | None
    ars: str | None
    into: str = ""


UNKNOWN: Final = Facts("", None, None)


def common(did: str, told: Callable[[str], Facts | None], line: Successors, now: int) -> Facts:
    """Kind, level and the state of the seat as far as everybody has them whom a member is part of (`now` in ms).

    Nobody knows them where one of those is not on the list, or two are part of each other.
    """
    own = told(did) or UNKNOWN
    wholes: list[Facts] = []
    met, last = {did}, own
    while last.into:
        into = line.successor(last.into, now) or last.into
        whole = told(into)
        if whole is None or into in met:
            return UNKNOWN
        met.add(into)
        wholes.append(whole)
        last = whole
    return Facts(
        kind=own.kind if all(one.kind == own.kind for one in wholes) else "",
        admin_level=own.admin_level if all(one.admin_level == own.admin_level for one in wholes) else None,
        ars=own.ars if all(_state(one) == _state(own) for one in wholes) else None,
    )


def parts(dids: Collection[str], into: Collection[tuple[str, str]]) -> frozenset[str]:
    """Who is part of one of these, or of such a part, by pairs of part and whole: what the list says of those it says
    of them."""
    found, more = set(dids), True
    while more:
        fresh = {did for did, whole in into if whole in found} - found
        found |= fresh
        more = bool(fresh)
    return frozenset(found.difference(dids))


def _state(one: Facts) -> str:
    """The German state of its seat: two digits of the regional key, of which rules see no more."""
    return (one.ars or "")[:2]
