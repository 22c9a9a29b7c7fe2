"""Seal certificates above level L1 as an authority and a member know them: values only (spec/spaces.md 3.4)."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from connector.data.approvals.model import Vote
from connector.identity.trust.members.trust_list import Sha256

MOST_ASKED: Final = 8
"""Seal certificates of one member that wait for people, or were refused."""
MOST_STRIKES: Final = 64
Certificates = Annotated[tuple[Annotated[str, Meta(max_length=12_000)], ...], Meta(max_length=MOST_ASKED)]
"""Certificates (DER, base64url) that a member brings with its keys, for people to look at."""
SealState = Literal["waiting", "listed", "refused"]


class ShownSeal(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a certificate says of itself: its names as RFC 4514 writes them, its period in milliseconds, and whether it
    is a qualified one with its key in a qualified device, which makes it L3."""

    subject: str
    issuer: str
    begins: int
    ends: int
    qualified: bool = False


class AskedSeal(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A seal certificate above level L1 that a member says is its own: nobody counts it before people have looked at
    it. `refused` stays until the member names it no more; `reason` is what it is told then. `shown` None: the member
    did not bring the certificate."""

    sha256: Sha256
    at: int
    votes: tuple[Vote, ...] = ()
    refused: bool = False
    reason: str = ""
    shown: ShownSeal | None = None


class OwnSeal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate of ours that an authority has to look at, as it said when it was asked last."""

    state: SealState = "waiting"
    reason: str = ""


class Strike(Struct, frozen=True, kw_only=True):
    """What people of the authority struck off as stolen: the SHA-256 of a certificate, or the thumbprint of a key of a
    witness, and since when it counts no more (RFC 3339)."""

    name: str
    since: str
