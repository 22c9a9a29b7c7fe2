"""A space whose list is believed, and what a list says of other authorities.

An authority is known by its key alone (RFC 9278): whoever names one with another key is not heard.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from connector.foundation.errors import HanseError
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members.trust_list import Anchor, ListedAuthority

URN = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"
"""RFC 9278: the name of an authority is that of its key."""
MOST_RECOGNISED = 100
"""Authorities that one list may recognise; what goes beyond is not read."""


class Pin(Struct, frozen=True, kw_only=True):
    """A space whose list is believed, by the URN of its authority's key.

    `did` is the participant that keeps it, empty if nobody knows; `members` are those of this process that joined it,
    by DID, or keep it: to nobody else its list says anything.
    """

    authority: str
    space: str
    name: str
    jwk: Mapping[str, str]
    list_url: str
    did: str = ""
    members: frozenset[str] = frozenset()

    @property
    def place(self) -> "Place":
        """What makes it one and no other: whoever names a key may lie about its space, or where its list is."""
        return self.authority, self.space, self.list_url


Place = tuple[str, str, str]
"""URN of an authority, IRI of a space, and the address of its list."""


def is_named_by(authority: str, jwk: Mapping[str, str]) -> bool:
    """Whether that URN is the name of this key."""
    try:
        return authority == URN + thumbprint(jwk)
    except HanseError:
        return False


def counted(listed: Anchor) -> Mapping[str, ListedAuthority]:
    """Authorities whose members count for those of this list; none before there is one."""
    return {one.authority: one for one in recognised(listed)} if listed.version else {}


def recognised(listed: Anchor) -> Sequence[ListedAuthority]:
    """The authorities that a list recognises, as many of them as are read."""
    return listed.current.recognised[:MOST_RECOGNISED]


def pinned_as(one: ListedAuthority) -> Pin | None:
    """None for a key that is not the one that its name says."""
    if not is_named_by(one.authority, one.key):
        return None
    return Pin(authority=one.authority, space=one.space, name=one.name, jwk=one.key, list_url=one.list_url)
