"""Who belongs now, and what rules may know of each member: what the trust list says, also under an old agreement.

A peer whose keys changed without overlap is on hold: until an operator vouches for it, it belongs no more than one that
was struck off (spec/trust.md 1.4; T08, T12).
"""

from collections.abc import Callable, Mapping, Sequence, Set

from msgspec import Struct

from connector.foundation.errors import Unauthenticated
from connector.identity.trust.members.claims import NO_GROUPS, OwnGroups, requester
from connector.identity.trust.members.trust_list import Anchor, millis
from connector.kernel.policy.engine import Requester
from connector.kernel.policy.odrl.names import HANSE


class Member(Struct, frozen=True, kw_only=True):
    """A member of the data space as rules may look at it, and its name on the trust list."""

    name: str
    requester: Requester


class CurrentMembers:
    """`on_hold` says whether the keys of a DID are in doubt to a participant of ours (its DID comes second), `groups`
    which groups that one keeps."""

    def __init__(
        self,
        anchor: Anchor,
        on_hold: Callable[[str, str], bool],
        groups: Callable[[str], OwnGroups] = lambda own: NO_GROUPS,
    ) -> None:
        self._anchor, self._on_hold, self._groups = anchor, on_hold, groups

    def requester(self, own: str, did: str, now: int) -> Requester | None:
        """None for whoever shares no space with a participant of ours (`own`, a DID) at this instant (ms)."""
        if self._on_hold(did, own):
            return None
        try:
            return requester(self._anchor.between(own, did, now), self._groups(own))
        except Unauthenticated:
            return None

    def members(self, now: int, own: str = "") -> Sequence[Member]:
        """Everybody who belongs at this instant (ms) to a space of a participant of ours (`own`): others reach none of
        its offers."""
        seen = ((one.name, self.requester(own, one.did, now)) for one in self._anchor.entries.values())
        return [Member(name=name, requester=known) for name, known in seen if known is not None]

    def held(self, now: int, own: str = "") -> Mapping[str, Set[str]]:
        """The DIDs and groups on the list and groups of our own, but for memberships that are over and groups that have
        ended; nothing before there is a list."""
        if self._anchor.version == 0 and not self._anchor.entries:
            return {}
        entries = self._anchor.entries.values()
        still = [one for one in entries if one.valid_until is None or now < millis(one.valid_until)]
        groups = {group for one in still for group in one.groups}
        groups |= {one.group for one in self._anchor.current.groups if one.valid_until is None}
        return {
            HANSE + "memberOf": frozenset(groups) | self._groups(own).names,
            HANSE + "participant": frozenset(one.did for one in still),
        }

    def until(self, own: str, did: str, now: int) -> int | None:
        """When a list lets its membership end by itself (ms), the first that does; None if none does."""
        return self._anchor.ends(own, did, now)
