"""Who becomes a member of a space, and what becomes of a membership: pure (spec/spaces.md 2 to 4).

A code opens once, for whom it was made, and in time. Over is over at once: only a new application leads back.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from connector.dataspace.spaces.decision import merging, sealing
from connector.dataspace.spaces.decision.member_keys import with_keys
from connector.dataspace.spaces.model import (
    DAY_MS,
    OVER,
    SKEW_MS,
    Application,
    Invitation,
    Keys,
    Member,
    MemberState,
    Rules,
)
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from connector.identity.participants.model import LONGEST_NAME, checked_name
from connector.verify.formats import names

STEPS: Final[Mapping[MemberState, tuple[MemberState, ...]]] = {
    "active": ("suspended", "expelled", "left", "ended"),
    "suspended": ("active", "expelled", "left", "ended"),
    "expelled": (),
    "left": (),
    "ended": (),
}
"""Who is a member no more becomes one again only by a new application."""


class WrongCode(PeerError):
    """No invitation that this applicant may use: 403, in the same words whatever is wrong with it (threat T30)."""

    status = 403


def require_usable(invitation: Invitation | None, host: str, now: int) -> Invitation:
    """The invitation that a code opens for a DID on this host; raises WrongCode."""
    if invitation is None or invitation.state != "open" or invitation.until <= now or not on(host, invitation.domain):
        raise WrongCode("spaces.code")
    return invitation


def on(host: str, domain: str) -> bool:
    """Whether a host is that domain or lies below it; no domain: any."""
    return not domain or host == domain or host.endswith(f".{domain}")


def require_kind(kind: str, rules: Rules) -> None:
    """Raises Mistake for a kind that the rules do not admit."""
    if rules.kinds and kind not in rules.kinds:
        raise Mistake("spaces.kind", kind=kind[:200])


def require_own_operator(operator: str, known: Iterable[str]) -> None:
    """Raises Mistake for a name that people would take for another operator's of the list, whose witness it would be
    taken for as well, and for one of which something does not show; written as one that is known it is that one
    (threat T148)."""
    if operator_of(operator, known) != operator:
        raise Mistake("spaces.operator-alike")


def operator_of(operator: str, known: Iterable[str]) -> str:
    """The name as it is written in the list where one there looks like it: that of a member that moves. Raises Mistake
    for a new one of which something does not show."""
    listed = frozenset(known)
    found = as_known(operator, listed)
    if operator and found not in listed:
        require_shown(operator)
    return found


def require_shown(name: str) -> None:
    """Raises Mistake for a name that shows nothing, or hides something: whoever is really called so had to write it
    just as it was listed first."""
    if checked_name(name) and not names.seen(name):
        raise Mistake("participants.name", most=LONGEST_NAME)


def as_known(operator: str, known: Iterable[str]) -> str:
    """The name as it is written in the list where one there looks like it."""
    alike = sorted(name for name in known if names.seen(name) == names.seen(operator))
    return operator if operator in alike or not alike else alike[0]


def struck(member: Member, digest: str, now: int) -> Member:
    """The member after somebody told the code of one of its mandates: suspended, and only keys that the agent does not
    hold are listed, also if the agent had them taken off. A code that was told before changes nothing: it strikes no
    keys that the member has made since. Raises Mistake for a code of none, and for who is a member no more."""
    ended = next((one for one in member.keys.mandates if one.withdrawal == digest), None)
    if ended is None:
        raise Mistake("spaces.withdrawal-code", did=member.did)
    if ended.over:
        return member
    gone = tuple(key for key in member.keys.keys if key not in ended.own)
    struck = tuple(dict.fromkeys((*member.keys.struck, *gone)))
    keys = replace(
        member.keys,
        keys=tuple(key for key in ended.own if key not in struck),
        struck=struck,
        mandates=tuple(replace(one, over=one.over or one == ended) for one in member.keys.mandates),
    )
    stays = member.state == "suspended"
    return replace(member if stays else step(member, "suspended", now), keys=keys, changed_at=now)


def step(member: Member, state: MemberState, now: int, reason: str = "") -> Member:
    """The member in another state; raises Mistake for one that does not follow. Over is over at once."""
    if state not in STEPS[member.state]:
        raise Mistake("spaces.step", state=member.state, wanted=state)
    until = now if state in OVER else member.until
    since = now if state == "suspended" else None if state == "active" else member.suspended_since
    return replace(member, state=state, until=until, suspended_since=since, reason=reason, changed_at=now)


def moved(member: Member, did: str, keys: Keys, operator: str, now: int) -> Member:
    """The same member under its new DID, at another operator, from now on; its mandates and struck keys go along.

    Raises PeerError as `with_keys`.
    """
    return replace(
        member,
        did=did,
        keys=with_keys(member, keys, now).keys,
        operator=operator or member.operator,
        succeeds=((member.did, rfc3339(now)),),
        since=now,
        changed_at=now,
        version=0,
        merger=merging.kept(member, now),
    )


def admitted(application: Application, invitation: Invitation, rules: Rules, now: int, before: Member | None) -> Member:
    """The member that an approved application makes: named as the authority invited it, not as it calls itself.

    Its seal certificates above level L1 are approved with it. What was struck `before` stays so: raises PeerError for
    such keys.
    """
    keys = application.keys if before is None else with_keys(before, application.keys, now).keys
    keys = replace(keys, seal_certificates=sealing.usable(application.keys), asked=())
    return Member(
        participant=application.participant,
        did=application.did,
        name=invitation.name or application.name,
        operator=application.operator,
        kind=invitation.kind or application.kind,
        ars=invitation.ars or application.ars,
        admin_level="",
        keys=keys,
        succeeds=(),
        state="active",
        since=now - SKEW_MS,
        until=term(rules, now),
        suspended_since=None,
        reason="",
        application=application.id,
        changed_at=now,
        version=0 if before is None else before.version,
    )


def term(rules: Rules, now: int) -> int | None:
    """The end of a membership that begins or is renewed now."""
    return now + rules.term_days * DAY_MS if rules.term_days else None


def renewed(member: Member, rules: Rules, now: int) -> Member | None:
    """The member with a new end, if it is time for that and the rules let it happen by itself."""
    if member.state != "active" or member.until is None or rules.renewal != "automatic" or member.until <= now:
        return None
    if member.until - now > notice(rules):
        return None
    return replace(member, until=term(rules, now), changed_at=now)


def notice(rules: Rules) -> int:
    """How long before its end (ms) a membership is renewed: not before half of its term is over, or who was just
    renewed would be due again, and each second had a new list."""
    notice = rules.renew_days * DAY_MS
    return min(notice, rules.term_days * DAY_MS // 2) if rules.term_days else notice


def extended(member: Member, rules: Rules, now: int) -> Member:
    """The member with the end of a term that begins now; nobody's end comes sooner by that.

    Raises Mistake for who is a member no more.
    """
    if member.state in OVER or lapsed(member, now):
        raise Mistake("spaces.step", state=member.state, wanted="active")
    until = term(rules, now)
    if member.until is None or (until is not None and until <= member.until):
        return member
    return replace(member, until=until, changed_at=now)


def lapsed(member: Member, now: int) -> bool:
    """Whether its term ended without renewal."""
    return member.state not in OVER and member.until is not None and member.until <= now
