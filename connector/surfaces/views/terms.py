"""An ODRL policy as people read it: its clauses in both languages, each with how far it is enforced, and why."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from connector.foundation.errors import Mistake, Unauthenticated
from connector.identity.trust.members.claims import requester
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.dialects.policies import translate
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views.fields import Sentences, explanation, sentences


class ClauseView(msgspec.Struct, frozen=True, kw_only=True):
    """A `level` above 0 belongs to the clause before. `notes` say by language what the `badge` rests on."""

    text: Sentences
    badge: str
    level: int
    notes: dict[str, list[str]]


class ClausesView(msgspec.Struct, frozen=True):
    """Empty if the policy cannot be said completely."""

    clauses: list[ClauseView]


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A peer's offer in words, and whether we would get it (`met`); `reason` why not, `help` what would help.

    `notes` say by language which words of others were read as which of ours.
    """

    offer: str
    met: bool
    clauses: list[ClauseView]
    reason: Sentences | None
    help: Sentences
    notes: dict[str, list[str]]


def clauses(engine: PolicyEngine, policy: Mapping[str, Any]) -> list[ClauseView]:
    """Empty if the policy cannot be said completely."""
    said = {lang: engine.statements(policy, lang) for lang in LANGUAGES}
    return [
        ClauseView(
            text={lang: said[lang][index].sentence for lang in LANGUAGES},
            badge=one.badge,
            level=one.level,
            notes={lang: engine.notes(one, lang) for lang in LANGUAGES},
        )
        for index, one in enumerate(said["de"])
    ]


def offered(
    engine: PolicyEngine,
    seeker: Requester,
    policy: Mapping[str, Any],
    now: int,
    *,
    purpose: str | None = None,
    action: str | None = None,
) -> OfferView:
    """A peer's offer, as far as it is decided when a contract is made; without a `purpose` we are bound to those of the
    rule.

    A foreign rule that we do not understand is shown as not met, with the reason. Whether we are in a group that the
    provider keeps itself it alone knows: it shows us the offer, so that clause is taken as met, and says so itself.
    """
    read = translate.understood({name: value for name, value in policy.items() if name != "@type"})
    terms, notes = read.document, {lang: [translate.told(note, lang) for note in read.notes] for lang in LANGUAGES}
    name = str(policy["@id"])
    try:
        seeker = replace(seeker, own=engine.kept_groups(terms))
        decision = engine.decide(terms, seeker, "negotiation", now, purpose=purpose, action=action)
        words = engine.reasons(decision)
        said = clauses(engine, terms)
    except PolicyError as error:
        reason, nothing = explanation(Mistake(error.code)), dict.fromkeys(LANGUAGES, "")
        return OfferView(offer=name, met=False, clauses=[], reason=reason, help=nothing, notes=notes)
    return OfferView(
        offer=name,
        met=decision.permit,
        clauses=said,
        reason=None if decision.permit else sentences(words),
        help={lang: engine.what_if(decision, lang) for lang in LANGUAGES},
        notes=notes,
    )


def seeker_of(anchor: Anchor, did: str, now: int) -> Requester:
    """A participant of ours as others see it, by the trust lists of now (ms): with its spaces, which rules can name."""
    try:
        return requester(anchor.between(did, did, now))
    except Unauthenticated:
        us = anchor.entry(did)
        return Requester(did=did, kind="") if us is None else requester(us)
