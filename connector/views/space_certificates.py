"""Seal certificates that wait for people of an authority, as they and their programs see them."""

from collections.abc import Sequence

import msgspec

from connector.spaces.keeping.certificates import WaitingCertificate
from connector.views.fields import Time, time


class WaitingCertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A seal certificate above level L1 by its SHA-256 (hex), whose member (`did`) says that it is its own, since
    `asked`; `missing` people have to agree yet."""

    did: str
    name: str
    sha256: str
    asked: Time | None
    approved_by: list[str]
    missing: int


class WaitingCertificatesView(msgspec.Struct, frozen=True):
    certificates: list[WaitingCertificateView]


def certificates(found: Sequence[WaitingCertificate]) -> WaitingCertificatesView:
    return WaitingCertificatesView([
        WaitingCertificateView(
            did=one.member.did, name=one.member.name, sha256=one.asked.sha256, asked=time(one.asked.at),
            approved_by=[vote.who for vote in one.asked.votes], missing=one.missing,
        )
        for one in found
    ])  # fmt: skip
