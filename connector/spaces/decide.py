"""What an authority decides, and what its list says then: pure (spec/spaces.md 2 to 4).

A code opens once, for whom it was made, and in time. A list names whoever was ever a member, with an end where it is
over, because what was sealed before is judged by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import Final, NamedTuple

import msgspec
from cryptography import x509
from msgspec.structs import replace

from connector.clock import rfc3339
from connector.errors import Mistake, PeerError
from connector.http.address import target
from connector.spaces import grouping, merging
from connector.spaces.model import (
    DAY_MS,
    MOST_KEYS,
    MOST_MANDATES,
    OVER,
    Application,
    Entrusted,
    Group,
    Grouped,
    Invitation,
    Keys,
    Member,
    MemberState,
    Recognised,
    Rules,
    Space,
    to_json,
)
from connector.trust.did.documents import DidDocument
from connector.trust.keys.jwk import encode, thumbprint
from connector.trust.members.entries import continued
from connector.trust.members.list_writer import to_form
from connector.trust.members.trust_list import (
    MOST_WITNESS_KEYS,
    TYP,
    Entry,
    Succeeded,
    TrustList,
    Witness,
    millis,
    require_distinct,
    require_form,
)
from connector.trust.members.trust_list import Grouped as Period
from connector.trust.members.trust_list import Recognised as Named
from connector.verify.checks import mandate
from connector.verify.formats import trustlist
from connector.verify.formats.cosignature import derived
from connector.verify.formats.faults import Fault

SKEW_MS: Final = 60_000
"""A new member belongs since a minute ago: others' clocks may be a little behind."""
MOST_BYTES: Final = 65_536
"""Of what the list says of the keys of one member; what all of them say together has its own bound (`listing`)."""
FEW_BYTES: Final = 8_192
"""As much as most members need; who has no more than that may always exchange its keys."""
MOST_SEALS: Final = 256
"""Seal certificates of one member, former ones too."""
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


class Believed(NamedTuple):
    """By what an authority judges the seal under a mandate: roots of seal certificates, and the member's keys that it
    knows already."""

    roots: Sequence[x509.Certificate]
    before: Keys | None = None


def told_keys(
    said: Keys | None, agent: object, document: DidDocument, host: str, believed: Believed, now: int
) -> Keys:  # fmt: skip
    """The keys that somebody says are its own, and of its mandates what its own seal says of them: who runs its process
    says them, so no more of that is believed (threat T108).

    Raises PeerError for keys that are not its own, or another's that no sealed mandate goes with.
    """
    keys = said or Keys()
    require_own_keys(keys, document, host)
    certificates = (*keys.seal_certificates, *(believed.before.seal_certificates if believed.before else ()))
    listed = [one if isinstance(one, str) else one.sha256 for one in certificates]
    at = (now + SKEW_MS) // 1000  # given just now, by a clock that is a little ahead of ours
    try:
        found = mandate.check(
            agent, did=document.did, document=document.raw, at=at, action="", roots=believed.roots,
            listed=listed,
        )  # fmt: skip
    except Fault as fault:
        raise PeerError("spaces.mandate", did=document.did, why=fault.code) from fault
    mandates = () if found is None else (entrusted(found),)
    return replace(keys, mandates=mandates, struck=())


def entrusted(found: mandate.Mandate) -> Entrusted:
    """What an authority has to know of a mandate to end it."""
    return Entrusted(agent=found.agent, withdrawal=found.withdrawal, own=tuple(sorted(found.own)))


def require_own_keys(keys: Keys, document: DidDocument, host: str) -> None:
    """Raises PeerError unless every key that is to be listed stands in the applicant's own DID document, and its
    witness lies on the host of its DID."""
    there = None if keys.witness is None else target(keys.witness.url)
    if keys.witness is not None and (there is None or there.host != host):
        raise PeerError("spaces.foreign-key", did=document.did)
    shown = document.thumbprints()
    own = frozenset().union(*shown.values())
    said = document.raw.get("hanse:logKey")
    logs = {_print(key) for key in said if isinstance(key, dict)} if isinstance(said, list) else set()
    if not frozenset(keys.keys) <= own or any(_print(key) not in logs for key in keys.log_keys):
        raise PeerError("spaces.foreign-key", did=document.did)


def _print(key: Mapping[str, object]) -> str:
    try:
        return thumbprint(key)
    except PeerError:
        return ""


def with_keys(member: Member, keys: Keys, now: int) -> Member:
    """The member with other keys; mandates that it told before stay known, whoever sends this.

    Raises PeerError for keys that were struck, or more mandates than are remembered.
    """
    known = member.keys.mandates
    codes = {one.withdrawal for one in known}
    mandates = (*known, *(one for one in keys.mandates if one.withdrawal not in codes))
    if set(keys.keys) & set(member.keys.struck):
        raise PeerError("spaces.struck-key", did=member.did)
    if len(mandates) > MOST_MANDATES:
        raise PeerError("spaces.mandates", most=MOST_MANDATES)
    return replace(member, keys=replace(keys, mandates=mandates, struck=member.keys.struck), changed_at=now)


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
        member.keys, keys=tuple(key for key in ended.own if key not in struck), struck=struck,
        mandates=tuple(replace(one, over=one.over or one == ended) for one in member.keys.mandates),
    )  # fmt: skip
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
        member, did=did, keys=with_keys(member, keys, now).keys, operator=operator or member.operator,
        succeeds=((member.did, rfc3339(now)),),
        since=now, changed_at=now, version=0, merger=merging.kept(member, now),
    )  # fmt: skip


def admitted(application: Application, invitation: Invitation, rules: Rules, now: int, before: Member | None) -> Member:
    """The member that an approved application makes: named as the authority invited it, not as it calls itself.

    What was struck `before` stays so: raises PeerError for such keys.
    """
    keys = application.keys if before is None else with_keys(before, application.keys, now).keys
    return Member(
        participant=application.participant, did=application.did, name=invitation.name or application.name,
        operator=application.operator, kind=invitation.kind or application.kind, ars=invitation.ars or application.ars,
        admin_level="", keys=keys, succeeds=(), state="active",
        since=now - SKEW_MS, until=term(rules, now), suspended_since=None, reason="", application=application.id,
        changed_at=now, version=0 if before is None else before.version,
    )  # fmt: skip


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


def entry_of(member: Member, periods: Sequence[Period] = ()) -> Entry:
    """What the list says of a member; `periods` in groups of the space."""
    return Entry(
        did=member.did, name=member.name, operator=member.operator, kind=member.kind,
        groups=tuple(one.group for one in periods if one.valid_until is None),
        state="suspended" if member.state == "suspended" else "active",
        valid_from=rfc3339(member.since),
        valid_until=None if member.until is None else rfc3339(member.until),
        suspended_since=None if member.suspended_since is None else rfc3339(member.suspended_since),
        ars=member.ars or None, admin_level=member.admin_level or None,
        seal_certificates=member.keys.seal_certificates, log_keys=member.keys.log_keys,
        seal_key_pq=member.keys.seal_key_pq, former_seal_keys_pq=member.keys.former_seal_keys_pq,
        keys=member.keys.keys, succeeds=tuple(Succeeded(did, since) for did, since in member.succeeds),
        group_periods=tuple(periods), merged_into=merging.listed(member),
    )  # fmt: skip


def following(
    space: Space, members: Sequence[Member], before: TrustList | None, now: int, version: int,
    recognised: Sequence[Recognised] = (), groups: Sequence[Group] = (), grouped: Iterable[Grouped] = (),
) -> TrustList:  # fmt: skip
    """The list that says of all members what holds now; what was sealed under the one before can still be judged."""
    within = grouping.periods(space.space, grouped)
    known = {} if before is None else {one.did: one for one in before.participants}
    said = sorted(members, key=lambda one: one.did)
    return TrustList(
        version=version,
        issued=rfc3339(now),
        next_update=rfc3339(now + space.rules.list_days * DAY_MS),
        authority=space.authority,
        participants=tuple(
            _bounded(continued(known.get(one.did), entry_of(one, within.get(one.did, ())), "", now)) for one in said
        ),
        witnesses=_witnesses(said),
        space=space.space,
        name=space.name,
        recognised=tuple(
            Named(one.authority, one.space, one.name, dict(one.jwk), one.list_url, one.kinds) for one in recognised
        ),
        groups=tuple(grouping.listed(space.space, one) for one in groups),
    )


def _bounded(entry: Entry) -> Entry:
    """With as many former keys and certificates as one member may fill the list with: those that count longest."""
    sizes = accumulate(len(msgspec.json.encode(one)) for one in entry.former_seal_keys_pq)
    fit = sum(size <= MOST_BYTES for size in sizes)
    entry = replace(entry, former_seal_keys_pq=entry.former_seal_keys_pq[:fit])
    if len(entry.seal_certificates) <= MOST_SEALS:
        return entry
    longest = sorted(entry.listed_seals, key=lambda one: -inf if one.valid_until is None else -millis(one.valid_until))
    kept = {one.sha256 for one in longest[:MOST_SEALS]}
    named = zip(entry.listed_seals, entry.seal_certificates, strict=True)
    return replace(entry, seal_certificates=tuple(said for one, said in named if one.sha256 in kept))


def _witnesses(members: Sequence[Member]) -> tuple[Witness, ...]:
    """Whoever works for several operators is a witness for none of them; a key is that of who named it first, since
    whose it is no witness is for its operator."""
    found: dict[str, set[str]] = {}
    keys, first = {}, dict[str, str]()
    for one in sorted(members, key=lambda one: one.since):
        if one.state == "active" and one.keys.witness is not None:
            url = one.keys.witness.url
            found.setdefault(url, set()).add(one.operator)
            keys[url] = tuple(key for key in one.keys.witness.keys if first.setdefault(_print(key), url) == url)
    alone = [
        Witness(next(iter(operators)), url, keys[url]) for url, operators in sorted(found.items())
        if len(operators) == 1
    ]  # fmt: skip
    return tuple(alone[: MOST_WITNESS_KEYS // MOST_KEYS])


def more_keys(before: Keys, after: Keys) -> bool:
    """Whether the list says more of a member's keys than it did, and than it has to say of most members."""
    old, new = (len(to_json(replace(one, mandates=(), struck=()))) for one in (before, after))
    return new > max(old, FEW_BYTES)


def require_listable(member: Member, now: int) -> None:
    """Raises PeerError for keys that would make any reader refuse the whole list, now or once they are former ones.

    Readers are those of members and the offline verifier, which reads each key of a witness (threat T106).
    """
    if len(to_json(member.keys)) > MOST_BYTES or not all(map(_named, _shown(member.keys))):
        raise PeerError("spaces.keys")
    space = Space(
        participant="", space="", name="", authority="", kid="", jwk={}, rules=Rules(), changes=0, listed=0,
        next_update=0, created_at=now,
    )  # fmt: skip
    first = following(space, [member], None, now, 1)
    for listed in (first, following(space, [replace(member, keys=Keys())], first, now, 2)):
        require_form(listed)
        require_distinct(listed)
        _require_verifiable(listed)


def _shown(keys: Keys) -> Iterable[tuple[Mapping[str, str], str]]:
    """Each public key with the type that it has to be of; empty: any."""
    yield from ((key, "") for key in keys.log_keys)
    yield from ((key, "") for key in (() if keys.witness is None else keys.witness.keys))
    yield from ((key, "AKP") for key in (() if keys.seal_key_pq is None else (keys.seal_key_pq,)))
    yield from ((one.key, "AKP") for one in keys.former_seal_keys_pq)


def _named(shown: tuple[Mapping[str, str], str]) -> bool:
    key, kind = shown
    return kind in ("", key.get("kty")) and _print(key) != ""


def _require_verifiable(listed: TrustList) -> None:
    head = msgspec.json.encode({"alg": "ES256", "typ": TYP})
    unsigned = f"{encode(head)}.{encode(msgspec.json.encode(to_form(listed)))}.{encode(bytes(64))}"
    try:
        derived(trustlist.parse(unsigned.encode()).witnesses)
    except Fault as cause:
        raise PeerError("spaces.keys") from cause


def due(space: Space, now: int) -> bool:
    """Whether a version has to be made: something changed, or half of the life of the newest one is over."""
    return space.changes > space.listed or now >= space.next_update - space.rules.list_days * DAY_MS // 2
