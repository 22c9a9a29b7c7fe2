"""Puts together whom this process believes: the trust list, the DID documents of peers, and clocks that differ."""

from collections.abc import Callable

from cryptography import x509
from msgspec import Struct

from connector.foundation.clock import Clock
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.sections import Trust as Settings
from connector.foundation.storage.database import Database
from connector.identity.trust.clock_skew import Skews
from connector.identity.trust.did.resolver import Local, Resolver
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.held_lists import HeldLists
from connector.identity.trust.members.members import Members
from connector.identity.trust.members.roots import authority_key, seal_cas
from connector.identity.trust.members.source import TrustListSource, checked_url
from connector.identity.trust.members.space_lists import SpaceLists
from connector.identity.trust.members.trust_list import Anchor


class TrustSlice(Struct, frozen=True, kw_only=True):
    """`anchor` is the list in force, `members` what it says of one DID, `listing` where it comes from.

    `spaces` are the lists of joined spaces, `held` is what members are told of all lists; `seal_roots` are the
    authorities of seal certificates.
    """

    anchor: AnchorOfSpaces
    members: Members
    listing: TrustListSource
    spaces: SpaceLists
    held: HeldLists
    resolver: Resolver
    skews: Skews
    seal_roots: tuple[x509.Certificate, ...]


def assemble(
    settings: Settings,
    db: Database,
    clock: Clock,
    http: SafeClient,
    local: Local,
    anchor_of: Callable[[Jwk], Anchor] = Anchor,
) -> TrustSlice:
    """`local` gives the DID documents of our own participants; nobody fetches those.

    Without the file of a pinned key, and without an address of a list, there are the lists of joined spaces alone.
    """
    listed = bool(settings.list_url) or settings.authority_key_file.exists() or settings.list_file.exists()
    authority = authority_key(settings.authority_key_file) if listed else {}
    anchor = AnchorOfSpaces(anchor_of(authority) if listed else None)
    spaces = SpaceLists(db, clock, anchor, http)
    file = settings.list_file if listed else None
    listing = TrustListSource(db, anchor, http, file, checked_url(settings.list_url, authority), spaces)
    return TrustSlice(
        anchor=anchor,
        members=Members(anchor, clock),
        listing=listing,
        spaces=spaces,
        held=HeldLists(db, clock, anchor, spaces.tell, listing),
        resolver=Resolver(http, clock, local=local, vouched=anchor.pinned),
        skews=Skews(clock),
        seal_roots=tuple(seal_cas([one for one in settings.seal_ca_files if listed or one.exists()])),
    )
