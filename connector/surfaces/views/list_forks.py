"""Two lists of one number that one authority signed, for the operator of a process (spec/trust.md 4.8)."""

import msgspec

from connector.dataspace.spaces.model import fingerprint
from connector.foundation.clock import rfc3339
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.fork_proof import ForkProof
from connector.identity.trust.members.forks import Case
from connector.surfaces.views.fields import Time, time


class ListForkView(msgspec.Struct, frozen=True, kw_only=True):
    """`authority` is the URN of its key; `space` and `name` are empty once nobody here goes by its lists. Until
    `settled` the strictest of both counts. `current`: the number of the list in force, 0: none."""

    authority: str
    fingerprint: str
    space: str
    name: str
    version: int
    current: int
    found: Time
    told: Time | None
    settled: Time | None


class ListForksView(msgspec.Struct, frozen=True, kw_only=True):
    """All that were ever found, the oldest first; of each authority one."""

    forks: list[ListForkView]


class ForkProofView(msgspec.Struct, frozen=True, kw_only=True):
    """Both lists as they were signed, and the key that signed them: what `hanse space fork-check` reads."""

    kind: str
    authority: str
    version: int
    key: dict[str, str]
    lists: list[str]


def fork(one: Case, anchors: AnchorOfSpaces) -> ListForkView:
    pin = anchors.pin_of(one.authority)
    listed = anchors.home if one.authority == anchors.own_name else anchors.list_of(one.authority)
    return ListForkView(
        authority=one.authority,
        fingerprint=fingerprint(one.authority),
        space="" if pin is None else pin.space,
        name="" if pin is None else pin.name,
        version=one.version,
        current=0 if listed is None else listed.version,
        found=rfc3339(one.found_at),
        told=time(one.told_at),
        settled=time(one.settled_at),
    )


def proof(one: ForkProof) -> ForkProofView:
    return ForkProofView(
        kind=one.kind, authority=one.authority, version=one.version, key=one.key, lists=list(one.lists)
    )
