"""What pages say of spaces: rules, findings and states in sentences; what an applicant brought stands there as text."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlencode

from msgspec import Struct

from connector.data.catalogue import concepts
from connector.dataspace.spaces.decision.membership import notice
from connector.dataspace.spaces.keeping.overview import MemberLine
from connector.dataspace.spaces.model import (
    DAY_MS,
    OVER,
    Application,
    Check,
    Joined,
    JoinState,
    MemberState,
    OwnMerger,
    Rules,
)
from connector.dataspace.spaces.model import fingerprint as fingerprint_of
from connector.foundation.errors import HanseError, PeerError
from connector.foundation.language import catalogue, local_day
from connector.foundation.language.reasons import plain
from connector.identity.trust.members.trust_list import Anchor, millis
from connector.surfaces.views.members import Members
from connector.surfaces.views.merger import state_of
from connector.surfaces.web.call import Call

LONGEST: Final = 300
_CODE: Final = re.compile(r"[a-z-]{1,40}\.[a-z-]{1,40}")
BADGES: Final[Mapping[MemberState, str]] = {
    "active": "success",
    "suspended": "warning",
    "expelled": "danger",
    "left": "info",
    "ended": "info",
}
JOIN_BADGES: Final[Mapping[JoinState, str]] = {
    "applying": "info",
    "pending": "warning",
    "member": "success",
    "refused": "danger",
    "left": "info",
    "ended": "info",
}
OWN_BADGES: Final = {
    "waiting": "info",
    "unsaid": "warning",
    "refused": "danger",
    "expired": "info",
    "withdrawn": "info",
    "lapsed": "warning",
}
"""By what became of a merger of ours."""
SEAL_BADGES: Final = {"waiting": "info", "listed": "success", "refused": "danger"}
STEPS: Final[Mapping[MemberState, tuple[MemberState, ...]]] = {
    "active": ("suspended", "expelled"),
    "suspended": ("active", "expelled"),
}
"""What a person may do with a member; leaving and ending happen by themselves."""


class Finding(Struct, frozen=True, kw_only=True):
    """What was found out or noted: `good` None as long as nobody has noted it. `who` and `at` (ms) of a person."""

    name: str
    text: str
    good: bool | None
    who: str = ""
    at: int | None = None


class MergerLine(Struct, frozen=True, kw_only=True):
    """A merger that the participant is part of, as its desk says it: `member` (a DID) if its word can be taken back."""

    text: str
    state: str
    badge: str
    member: str


class SealLine(Struct, frozen=True, kw_only=True):
    """A seal certificate of ours at which the people of the space have to look, as the desk says it."""

    text: str
    state: str
    badge: str


class Membership(Struct, frozen=True, kw_only=True):
    """A space that a participant belongs to or asks to belong to. `since` and `until` in ms as the list has it."""

    one: Joined
    name: str
    state: str
    badge: str
    href: str
    since: int | None = None
    until: int | None = None
    suspended: bool = False
    why: str = ""
    part_of: str = ""
    mergers: tuple[MergerLine, ...] = ()
    seals: tuple[SealLine, ...] = ()


def query(**values: str) -> str:
    """The query of an address."""
    return urlencode(values)


def host(did: str) -> str:
    """Where a DID lies, as people read it."""
    return plain(unquote(did.removeprefix("did:web:").partition(":")[0]), LONGEST)


def fingerprint(one: Joined) -> str:
    return fingerprint_of(one.authority)


def rules(call: Call, said: Rules) -> list[str]:
    """Who may become a member and how, as people read it."""
    kinds = ", ".join(kind(call, one) for one in said.kinds)
    term = "term" if said.term_days else "endless"
    found = [
        call.say("web.spaces.rule.kinds", kinds=kinds) if kinds else call.say("web.spaces.rule.anybody"),
        call.say("web.spaces.rule.documents", documents=_listed(said.documents)) if said.documents else "",
        call.say("web.spaces.rule.checklist", points=_listed(said.checklist)) if said.checklist else "",
        call.say(f"web.spaces.rule.approvals-{'one' if said.approvals == 1 else 'many'}", count=said.approvals),
        call.say(f"web.spaces.rule.{term}", days=said.term_days),
        call.say(f"web.spaces.rule.{said.renewal}", days=notice_days(said)) if said.term_days else "",
    ]
    return [one for one in found if one]


def notice_days(said: Rules) -> int:
    """So many days before its end a membership is renewed, by itself or by people."""
    return notice(said) // DAY_MS if said.renewal == "automatic" else said.renew_days


def _listed(names: Sequence[str]) -> str:
    return ", ".join(plain(one, LONGEST) for one in names)


def kind(call: Call, iri: str) -> str:
    return plain(concepts.label(iri)[call.lang], LONGEST) if iri else ""


def kinds(call: Call, said: Rules) -> list[tuple[str, str]]:
    """Kinds that may be invited, by name: pairs of short name and label."""
    found = concepts.vocabulary().scheme(concepts.KINDS).values()
    shown = [one for one in found if not said.kinds or one.iri in said.kinds]
    return sorted(((one.notation, one.labels[call.lang]) for one in shown), key=lambda one: one[1].casefold())


def about(call: Call, one: Application, invited: str, members: Members) -> list[tuple[str, str]]:
    """Who asks: pairs of name and text."""
    say = call.say
    facts = [
        ("invited", invited),
        ("calls-itself", one.name),
        ("kind", kind(call, one.kind)),
        ("ars", one.ars),
        ("operator", one.operator),
        ("agent", one.agent and _acting(call, one.agent, members)),
        ("host", host(one.did)),
    ]
    return [(say(f"web.spaces.about.{name}"), plain(text, LONGEST)) for name, text in facts if text]


def _acting(call: Call, agent: str, members: Members) -> str:
    """By name where a list names it, and where it lies: anybody may call itself something."""
    name = members.name(agent)
    code = "partners.acting-unnamed" if name == agent else "partners.acting"
    return call.say(code, name=name, host=host(agent))


def found_out(call: Call, one: Application) -> list[Finding]:
    """What the machine saw itself."""
    return [
        Finding(
            name=check.name,
            good=check.good,
            text=call.say(
                f"spaces.found.{check.name}-{'good' if check.good else 'bad'}", note=plain(check.note, LONGEST) or "–"
            ),
        )
        for check in one.checks
        if not check.by
    ]


def checklist(one: Application, said: Rules, names: Mapping[str, str]) -> list[Finding]:
    """The points of the rules with what people noted; points of older rules at the end."""
    noted = {check.name: check for check in one.checks if check.by}
    points = dict.fromkeys((*said.checklist, *noted))
    return [_point(name, noted.get(name), names) for name in points]


def _point(name: str, check: Check | None, names: Mapping[str, str]) -> Finding:
    shown = plain(name, LONGEST)
    if check is None:
        return Finding(name=name, text=shown, good=None)
    who = names.get(check.by, "")
    return Finding(name=name, text=plain(check.note, LONGEST), good=check.good, who=who, at=check.at)


def steps(one: MemberLine) -> tuple[MemberState, ...]:
    return STEPS.get(one.state, ())


def over(one: MemberLine) -> bool:
    return one.state in OVER


def membership(call: Call, one: Joined, list_: Anchor | None, href: str) -> Membership:
    """With what the list of the space says of us now; None: there is none yet."""
    entry = None if list_ is None else list_.entry(call.town.did)
    listed = entry if one.state == "member" else None
    suspended = listed is not None and listed.state == "suspended"
    state = "suspended" if suspended else one.state
    return Membership(
        one=one,
        name=plain(one.name, LONGEST),
        href=href,
        suspended=suspended,
        state=call.say(f"web.spaces.state.{state}"),
        badge="danger" if suspended else JOIN_BADGES[one.state],
        since=None if listed is None or listed.valid_from is None else millis(listed.valid_from),
        until=None if listed is None or listed.valid_until is None else millis(listed.valid_until),
        why=why(call, one.reason) if one.state == "refused" else "",
        mergers=_mergers(call, one, list_),
        seals=_seals(call, one),
        part_of="" if list_ is None or listed is None else _part_of(call, list_, call.town.did),
    )


def _seals(call: Call, one: Joined) -> tuple[SealLine, ...]:
    """Of who is a member: elsewhere nobody waits any more."""
    return tuple(
        SealLine(
            text=call.say(
                f"web.spaces.seal-own-{own.state}", sha256=name[:16], reason=plain(own.reason, LONGEST) or "-"
            ),
            state=call.say(f"web.spaces.seal-state.{own.state}"),
            badge=SEAL_BADGES[own.state],
        )
        for name, own in one.seals.items()
        if one.state == "member"
    )


def _mergers(call: Call, one: Joined, list_: Anchor | None) -> tuple[MergerLine, ...]:
    """What the participant has said of mergers there, or was said of it; what the list says is said beside it."""
    return tuple(
        _merger(call, did, it, list_)
        for did, it in one.mergers.items()
        if one.state == "member" and it.state != "approved"
    )


def _merger(call: Call, did: str, one: OwnMerger, list_: Anchor | None) -> MergerLine:
    part = call.town.is_me(did)
    other, state = one.into if part else did, state_of(one)
    entry = None if list_ is None else list_.entry(other)
    name = plain(other if entry is None else entry.name, LONGEST)
    return MergerLine(
        text=call.say(
            f"web.spaces.merger-own-{'whole' if part else 'part'}", name=name, day=local_day(one.since, call.lang)
        ),
        state=call.say(f"web.spaces.merger-own.{state}"),
        badge=OWN_BADGES[state],
        member=did if state == "waiting" else "",
    )


def _part_of(call: Call, list_: Anchor, did: str) -> str:
    """Into whom a member was merged and since when, as its list says; empty for who is part of nobody."""
    found = list_.whole(did, did, call.desk.clock.now())
    if found is None:
        return ""
    entry = list_.entry(found[0])
    name = plain(found[0] if entry is None else entry.name, LONGEST)
    return call.say("web.spaces.part-of", whole=name, day=local_day(found[1], call.lang))


def why(call: Call, reason: str) -> str:
    """Why an authority refused: in its own words, or the sentence of the code that its machine said."""
    known, code = catalogue(call.lang), f"error.{reason}"
    if f"web.spaces.refusal.{reason}" in known:
        return call.say(f"web.spaces.refusal.{reason}")
    if code in known and "{" not in known[code]:
        return known[code]
    return call.say("web.spaces.no-code", code=reason) if _CODE.fullmatch(reason) else plain(reason, 500)


def error_sentence(call: Call, problem: HanseError) -> str:
    """The sentence of an error; of what another process refused we have the code alone, and none of its facts."""
    return why(call, problem.code) if isinstance(problem, PeerError) else call.explain(problem)
