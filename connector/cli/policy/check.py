"""`hanse policy check`: what a steward has to know before publishing, with the place of everything that is wrong.

Ends with 1 if the policy cannot be read, holds something that is not understood, contradicts itself, restricts open
data, or can permit nobody anything in this installation; what is only worth knowing (badges, what EDC partners do with
it) changes nothing.
"""

from datetime import UTC, datetime
from typing import Any

from connector.cli.frame.call import OK, REFUSED, Call
from connector.cli.policy.source import ended, not_understood, notes, policy_engine, read, tell_unknown, unparsed
from connector.foundation.language import catalogue
from connector.kernel.dialects.policies.edc import preview
from connector.kernel.dialects.policies.translate import Foreign
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.evaluation.fees import fees, unnamed
from connector.kernel.policy.odrl.model import PolicyError

_BADGES = ("enforced", "monitored", "contractual")


def run(call: Call) -> int:
    engine = policy_engine(call)
    found = read(call, call.args.policy)
    told = [_checked(call, engine, one) for one in found]
    call.result({"good": all(one["good"] for one in told), "policies": told})
    if not call.args.json:
        for number, one in enumerate(told):
            if len(told) > 1:
                call.tell("policy.number", number=number + 1, many=len(told), place=one["place"] or "-")
            _print(call, engine, one)
    return OK if all(one["good"] for one in told) else REFUSED


def _checked(call: Call, engine: PolicyEngine, found: Foreign) -> dict[str, Any]:
    told: dict[str, Any] = {"place": found.place, "dialect": found.dialect, "notes": notes(found, call.lang)}
    try:
        rows = engine.coverage(found.document)
    except PolicyError as fault:
        return {**told, "good": False, "problem": unparsed(fault, call.lang)}
    unknown = not_understood(rows)
    against = _against(call, engine, found.document, {one["pointer"] for one in unknown})
    edc = preview(found.document)
    clauses = [{"text": text, "badge": badge} for text, badge in engine.clauses(found.document, call.lang)]
    # What is counted is what is shown; rows only where no sentences can be shown.
    shown = [one["badge"] for one in clauses] or [str(row["badge"]) for row in rows]
    return {
        **told,
        "good": not unknown and not against,
        "unknown": unknown,
        "contradictions": [text for _, text in against],
        "against": [{"pointer": pointer, "reason": text} for pointer, text in against],
        "names": engine.names(found.document, call.lang),
        "ended": ended(engine, found, call.lang),
        "unnamed": [fee.pointer for _, fee in fees(engine.policy(found.document)) if unnamed(fee)],
        "badges": {badge: shown.count(badge) for badge in _BADGES},
        "clauses": clauses,
        "edc": {"lost": list(edc.lost), "unread": list(edc.unread), "clauses": edc.clauses},
    }


def _against(call: Call, engine: PolicyEngine, document: dict[str, Any], unknown: set[str]) -> list[tuple[str, str]]:
    """What stands against publishing, a place and a sentence each; `unknown` are the places that are told already."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    found = engine.contradictions(document, open_data=call.args.open_data, now=now)
    return [
        (one.pointer or "/", one.reasons[call.lang])
        for one in found
        if one.fault != "term" or one.pointer not in unknown
    ]


def _print(call: Call, engine: PolicyEngine, one: dict[str, Any]) -> None:
    call.tell("policy.dialect", dialect=call.say(f"policy.form.{one['dialect']}"))
    for note in one["notes"]:
        call.tell("policy.note", text=note)
    if "problem" in one:
        call.tell("policy.problem", text=one["problem"])
        call.tell("check.bad")
        return
    for text in one["names"]:
        call.tell("policy.named", text=text)
    if one["ended"]:
        call.tell("policy.ended", since=one["ended"])
    for clause in one["clauses"]:
        call.tell("policy.clause", text=clause["text"], badge=call.say(f"policy.badge.{clause['badge']}"))
    tell_unknown(call, one["unknown"])
    for against in one["against"]:
        call.tell("check.contradiction", pointer=against["pointer"], text=against["reason"])
    call.tell("check.badges", **one["badges"])
    for fee in one["unnamed"]:
        call.tell("check.unnamed-fee", pointer=fee)
    if not one["badges"]["enforced"]:
        call.tell("check.nothing-enforced")
    _print_edc(call, engine, one["edc"])
    call.tell("check.good" if one["good"] else "check.bad")


def _print_edc(call: Call, engine: PolicyEngine, edc: dict[str, Any]) -> None:
    if edc["lost"]:
        known = catalogue(call.lang)
        parts = [known.get(f"cli.check.edc-part-{name}", name) for name in edc["lost"]]
        call.tell("check.edc-lost", names=", ".join(parts))
    if edc["clauses"]:
        words = engine.words(call.lang)
        names = [words.operand(iri) or iri for iri in edc["unread"]]
        call.tell("check.edc-clauses", many=edc["clauses"], names=", ".join(names))
