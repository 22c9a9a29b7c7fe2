"""An ODRL policy as people read it: its clauses in both languages, each with how far it is enforced, and why."""

from collections.abc import Mapping
from typing import Any

import msgspec

from connector.dialects.policies import translate
from connector.errors import Mistake
from connector.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.policy.odrl.model import PolicyError
from connector.trust.members.trust_list import Anchor
from connector.views.fields import Sentences, explanation, sentences


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
    """A peer's offer in words, and whether we would get it (`met`); `reason` why not.

    `notes` say by language which words of others were read as which of ours.
    """

    offer: str
    met: bool
    clauses: list[ClauseView]
    reason: Sentences | None
    notes: dict[str, list[str]]


def clauses(judge: PolicyEngine, policy: Mapping[str, Any]) -> list[ClauseView]:
    """Empty if the policy cannot be said completely."""
    said = {lang: judge.statements(policy, lang) for lang in LANGUAGES}
    return [
        ClauseView(
            text={lang: said[lang][index].sentence for lang in LANGUAGES},
            badge=one.badge,
            level=one.level,
            notes={lang: judge.notes(one, lang) for lang in LANGUAGES},
        )
        for index, one in enumerate(said["de"])
    ]


def offered(judge: PolicyEngine, requester: Requester, policy: Mapping[str, Any], now: int) -> OfferView:
    """A peer's offer, as far as its catalogue decides.

    A foreign rule that we do not understand is shown as not met, with the reason.
    """
    read = translate.understood({name: value for name, value in policy.items() if name not in ("@id", "@type")})
    terms, notes = read.document, {lang: [translate.told(note, lang) for note in read.notes] for lang in LANGUAGES}
    name = str(policy["@id"])
    try:
        decision = judge.decide(terms, requester, "catalog", now)
        words = judge.reasons(decision)
        said = clauses(judge, terms)
    except PolicyError as error:
        return OfferView(offer=name, met=False, clauses=[], reason=explanation(Mistake(error.code)), notes=notes)
    reason = None if decision.permit else sentences(words)
    return OfferView(offer=name, met=decision.permit, clauses=said, reason=reason, notes=notes)


def seeker_of(anchor: Anchor, did: str) -> Requester:
    """A participant of ours as the catalogues of others see it, by the trust list."""
    us = anchor.entry(did)
    return Requester(did=did, kind=us.kind if us else "", groups=frozenset(us.groups if us else ()))
