"""A participant of this process: who it is, its keys, and who seals for it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec
from cryptography import x509

from connector.foundation.clock import rfc3339
from connector.identity.participants import publisher
from connector.identity.participants.model import Participant
from connector.identity.participants.service import Hosted
from connector.surfaces.views.fields import Time
from connector.verify.formats import key_binding
from connector.verify.formats.faults import Fault

Listed = Callable[[str], Sequence[str]]
"""The SHA-256 of the seal certificates that the trust list names for a DID."""


class KeyView(msgspec.Struct, frozen=True):
    kid: str
    purpose: str
    state: str


class SealView(msgspec.Struct, frozen=True, kw_only=True):
    """Who seals, how, at which level (spec/contracts.md 2.4; null: nobody would believe it yet) and until when."""

    signer: str
    kid: str
    alg: str
    level: str | None = None
    until: Time | None = None


class PublisherView(msgspec.Struct, frozen=True, kw_only=True):
    """What all datasets say of who publishes them: `ars` twelve digits, `ags` eight of them, `level` and `contributor`
    IRIs, `box` west, south, east, north. Empty where nothing was said."""

    ars: str
    ags: str
    level: str
    contact_name: str
    contact_email: str
    contact_url: str
    contact_telephone: str
    contributor: str
    box: tuple[float, float, float, float] | None


class MovedView(msgspec.Struct, frozen=True):
    """Who acts in its place, since when, and until when its old DID is answered here."""

    did: str
    at: str
    until: str


class NamesakeView(msgspec.Struct, frozen=True):
    """Another one here whose name is the same, or looks the same to people."""

    slug: str
    name: str


class ParticipantView(msgspec.Struct, frozen=True, kw_only=True):
    slug: str
    did: str
    root: str
    name: str
    kind: str
    operator: str
    state: str
    keys: list[KeyView]
    seal: SealView
    publisher: PublisherView
    former: list[str]
    """The DIDs that it had at other providers, the newest first."""
    moved: MovedView | None
    """Where it works now, if it has moved from here."""
    alike: list[NamesakeView]
    """Others here whom people could take for it."""


class ParticipantsView(msgspec.Struct, frozen=True):
    participants: list[ParticipantView]


class CertificateRequestView(msgspec.Struct, frozen=True):
    """PKCS #10, in PEM."""

    request: str


class PeerView(msgspec.Struct, frozen=True):
    """A peer that was entered by hand, and where its connector begins."""

    did: str
    root: str


class AllowanceView(msgspec.Struct, frozen=True):
    """How many times the usual quota a peer has."""

    did: str
    times: int


def namesakes(found: Iterable[Participant]) -> list[NamesakeView]:
    return [NamesakeView(one.id, one.name) for one in found]


def participant(hosted: Hosted, listed: Listed, alike: Iterable[Participant]) -> ParticipantView:
    one = hosted.participant
    return ParticipantView(
        slug=one.id,
        did=one.did,
        root=one.root,
        name=one.name,
        kind=one.kind,
        operator=one.operator,
        state=one.state,
        keys=[KeyView(key.kid, key.purpose, key.state) for key in hosted.keys],
        seal=_seal(hosted, listed),
        publisher=_publisher(one),
        former=list(one.former),
        moved=None if one.moved is None else MovedView(one.moved.did, rfc3339(one.moved.at), rfc3339(one.moved.until)),
        alike=namesakes(alike),
    )


def _publisher(one: Participant) -> PublisherView:
    said = one.publisher
    derived = publisher.publisher(one.root, one.name, one.kind, said)
    return PublisherView(**msgspec.structs.asdict(said), ags=publisher.municipality_key(said.ars), level=derived.level)


def _seal(hosted: Hosted, listed: Listed) -> SealView:
    seal = SealView(signer=hosted.signer, kid=hosted.seal.kid, alg=hosted.seal.alg)
    if not hosted.chain:
        return seal
    leaf, did = x509.load_der_x509_certificate(hosted.chain[0]), hosted.participant.did
    level: str | None = None
    with suppress(Fault):
        level = key_binding.check(leaf, seal.kid, did=did, document=hosted.document, listed=listed(did))
    return msgspec.structs.replace(seal, level=level, until=leaf.not_valid_after_utc.isoformat())
