"""An ODRL policy as people read it: its clauses in both languages, each with how far it is enforced, and why."""

from collections.abc import Mapping
from typing import Any

from connector.api.problems import reasons
from connector.dialects.policies import translate
from connector.errors import Mistake
from connector.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.policy.odrl.model import PolicyError
from connector.trust.members.trust_list import Anchor


def clauses(judge: PolicyEngine, policy: Mapping[str, Any]) -> list[dict[str, object]]:
    """Empty if the policy cannot be said completely. A `level` above 0 belongs to the clause before."""
    said = {lang: judge.statements(policy, lang) for lang in LANGUAGES}
    return [
        {
            "text": {lang: said[lang][index].sentence for lang in LANGUAGES},
            "badge": one.badge,
            "level": one.level,
            "notes": {lang: judge.notes(one, lang) for lang in LANGUAGES},
        }
        for index, one in enumerate(said["de"])
    ]


def offered(judge: PolicyEngine, requester: Requester, policy: Mapping[str, Any], now: int) -> dict[str, object]:
    """A peer's offer in words, and whether we would get it as far as its catalogue decides.

    A foreign rule that we do not understand is shown as not met, with the reason. `notes` say which words of others
    were read as which of ours.
    """
    read = translate.understood({name: value for name, value in policy.items() if name not in ("@id", "@type")})
    terms, notes = read.document, {lang: [translate.told(note, lang) for note in read.notes] for lang in LANGUAGES}
    try:
        decision = judge.decide(terms, requester, "catalog", now)
        words = judge.reasons(decision)
        said = clauses(judge, terms)
    except PolicyError as error:
        why = reasons(Mistake(error.code))
        return {"offer": policy["@id"], "met": False, "clauses": [], "reason": why, "notes": notes}
    reason = None if decision.permit else {lang: " ".join(words[lang]) for lang in words}
    return {"offer": policy["@id"], "met": decision.permit, "clauses": said, "reason": reason, "notes": notes}


def seeker_of(anchor: Anchor, did: str) -> Requester:
    """A participant of ours as the catalogues of others see it, by the trust list."""
    us = anchor.entry(did)
    return Requester(did=did, kind=us.kind if us else "", groups=frozenset(us.groups if us else ()))
