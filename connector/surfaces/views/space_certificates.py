"""Seal certificates that wait for people of an authority, as they and their programs see them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from connector.dataspace.spaces.keeping.certificates import WaitingCertificate
from connector.surfaces.views.fields import Time, time


class WaitingCertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A seal certificate above level L1 by its SHA-256 (hex), whose member (`did`) says that it is its own, since
    `asked`; `missing` people have to agree yet. `subject`, `issuer`, period and `level` are what it says of itself;
    empty where the member did not bring it."""

    did: str
    name: str
    sha256: str
    asked: Time | None
    approved_by: list[str]
    missing: int
    subject: str
    issuer: str
    valid_from: Time | None
    valid_until: Time | None
    level: Literal["", "L2", "L3"]


class WaitingCertificatesView(msgspec.Struct, frozen=True):
    certificates: list[WaitingCertificateView]


def certificates(found: Sequence[WaitingCertificate]) -> WaitingCertificatesView:
    return WaitingCertificatesView([_certificate(one) for one in found])


def _certificate(one: WaitingCertificate) -> WaitingCertificateView:
    said = one.asked.shown
    return WaitingCertificateView(
        did=one.member.did,
        name=one.member.name,
        sha256=one.asked.sha256,
        asked=time(one.asked.at),
        approved_by=[vote.who for vote in one.asked.votes],
        missing=one.missing,
        subject="" if said is None else said.subject,
        issuer="" if said is None else said.issuer,
        valid_from=None if said is None else time(said.begins),
        valid_until=None if said is None else time(said.ends),
        level="" if said is None else "L3" if said.qualified else "L2",
    )
