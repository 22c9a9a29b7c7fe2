"""A participant that leaves: what is open, who has not been told, what forbids deletion, what to take along."""

import msgspec

from connector.continuity.offboarding.close import ClosingStatus
from connector.continuity.offboarding.contracts import Evidence
from connector.surfaces.views.fields import Json, Sentences, Time, optional_sentences, time
from connector.surfaces.views.members import Members


class RetainedView(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one type within their period; `loose` of them are in nobody's evidence."""

    type: str
    count: int
    loose: int
    until: Time | None


class OffboardingView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a participant is on its way out, what is still open, and who has not been told yet (DID -> messages).

    `refused`: partners that did not take a statement; `names` of all these by DID. `unhanded`: agreements whose
    evidence no operator holds. `elsewhere` is the keeper of its seal key if that lies elsewhere: there it has to be
    deleted by its owner. `retained`: records whose period still runs; `doubted`: as far as the clock can be believed.
    """

    slug: str
    did: str
    name: str
    state: str
    reason: str | None
    closed_at: Time | None
    deleted_at: Time | None
    contracts: int
    partners: int
    negotiations: int
    transfers: int
    offers: int
    waiting: dict[str, int]
    refused: tuple[str, ...]
    names: dict[str, str]
    holds: int
    unhanded: int
    elsewhere: str | None
    problem: Sentences | None
    retained: list[RetainedView]
    doubted: bool


class AgreementEvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement of which a bundle can be made (`bundle`), with how many records of the log it has by now.

    `sha256` is that of what an operator holds, null if that has not all of them.
    """

    agreement: str
    bundle: bool
    records: int
    sha256: str | None


class EvidencePageView(msgspec.Struct, frozen=True):
    """By id; the next page begins `after` the last one."""

    agreements: list[AgreementEvidenceView]


class HandedView(msgspec.Struct, frozen=True):
    """The agreement whose evidence is on the operator's disk."""

    agreement: str


class ObjectView(msgspec.Struct, frozen=True, rename="camel"):
    """A document that seals refer to, in base64."""

    media_type: str
    body: str


class BareAgreementView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What there is of an agreement of which no bundle can be made."""

    agreement: str
    sha256: str
    state: str
    counterparty: str
    provider_signature: str | None
    consumer_signature: str | None
    objects: dict[str, ObjectView]
    records: list[Json]


def offboarding(members: Members, found: ClosingStatus) -> OffboardingView:
    told = msgspec.structs.asdict(found) | {
        "closed_at": time(found.closed_at),
        "deleted_at": time(found.deleted_at),
        "problem": optional_sentences(found.problem),
        "names": {did: members.name(did) for did in (*found.waiting, *found.refused)},
        "retained": [
            RetainedView(type=one.type, count=one.count, loose=one.loose, until=time(one.until))
            for one in found.retained
        ],
    }
    return OffboardingView(**told)


def evidence(found: list[Evidence]) -> EvidencePageView:
    return EvidencePageView([AgreementEvidenceView(**one._asdict()) for one in found])
