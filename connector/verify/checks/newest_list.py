"""Which trust list counts: the newest of the one in the bundle and the one that the auditor has (T67).

The exporter chooses the list in the bundle, and an older one may still call a suspended member one. So a newer list
from outside decides who is a member, since when a key or certificate is ended, and what is listed today. What it no
longer names (the keys of a member that left, a witness that is no more) still counts as the older list says, because
that one too bears the authority's signature; but that somebody is no longer listed is never passed over.

Up to its own day the list in the bundle judges alone, and what only the newer one says is a doubt at most, whatever it
is: the bundle is judged once more by the older list (`bundle.verify_bundle`). Only what was struck off fails (T154).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from connector.verify.checks.anchors import Anchors
from connector.verify.checks.logbook import UNTIL as LOG_UNTIL
from connector.verify.checks.trusted_time import written
from connector.verify.formats import trustlist
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import Member, Period, SecondKey, TrustList

_UNTIL, _STRUCK = "validUntil", "struckSince"
_ENDS = (_UNTIL, _STRUCK)
_IDENTITY = ("kty", "crv", "x", "y", "pub")


def judged_by(bundled: bytes, given: bytes | None, anchors: Anchors) -> TrustList:
    """The list that counts, signed by the authority as is every list it comes from.

    Fault `trust-list-form`, `trust-list-signature`, or `trust-list-forked` for two lists of one version; Doubt
    `no-authority`, `trust-list-given` if the auditor's own file is no list, `trust-list-other` if it is that of another
    authority than signed the one in the bundle: their versions say nothing of each other, nor against the bundle.
    """
    ours = trustlist.proven(bundled, anchors.authority)
    if given is None:
        return ours
    try:
        theirs = trustlist.proven(given.strip(), anchors.authority, given=True)
    except Fault as fault:
        raise Doubt("trust-list-given") from fault
    if not any(trustlist.signed_by(ours, key) and trustlist.signed_by(theirs, key) for key in anchors.authority):
        raise Doubt("trust-list-other")
    return _newest(ours, theirs)


def unjudged(bundled: bytes, anchors: Anchors) -> TrustList:
    """The list in the bundle, to say of the rest what can be said, where `judged_by` gave none.

    Of a list that the auditor's authority did not sign nothing is read: Fault `trust-list-signature`.
    """
    return trustlist.proven(bundled, anchors.authority) if anchors.authority else trustlist.parse(bundled)


def _newest(bundled: TrustList, given: TrustList) -> TrustList:
    if given.version == bundled.version and _payload(given) != _payload(bundled):
        raise Fault("trust-list-forked", version=given.version)
    return bundled if given.version <= bundled.version else continued(bundled, given)


def continued(older: TrustList, newer: TrustList) -> TrustList:
    """The newer list, with what the older one says of keys that the newer one does not name."""
    issued, alone = older.issued_at, _struck(older, newer)
    listed = {did: _followed(older.members.get(did), member, issued) for did, member in newer.members.items()}
    told = {before for one in listed.values() for before, _ in one.succeeds}
    gone = {did: _gone(one, told) for did, one in older.members.items() if did not in listed}
    witnesses = [*_vouching(older.witnesses, newer.witnesses, issued), *alone.witnesses]
    return replace(newer, members={**listed, **gone}, witnesses=witnesses, exported=older.issued, older=alone)


def _struck(older: TrustList, newer: TrustList) -> TrustList:
    """The older list by itself, but for what people of the authority have struck off since."""
    members = {did: _without_struck(one, newer.members.get(did)) for did, one in older.members.items()}
    struck = {_identity(key): key for _, key in _witness_keys(newer.witnesses) if _STRUCK in key}

    def kept(key: object) -> object:
        if not isinstance(key, dict) or (gone := struck.get(_identity(key))) is None:
            return key
        return {**key, **{name: gone[name] for name in _ENDS if name in gone}}

    return replace(older, members=members, witnesses=_each_key(older.witnesses, lambda _, key: kept(key)))


def _without_struck(one: Member, newer: Member | None) -> Member:
    if newer is None:
        return one
    gone = {name: period for name, period in newer.seal_certificates.items() if period.struck}
    return replace(one, seal_certificates={**one.seal_certificates, **gone}) if gone else one


def _gone(one: Member, told: Collection[str]) -> Member:
    """Whom the newer list does not name; whose place it had taken still counts, unless that list says otherwise."""
    return replace(one, unlisted=True, succeeds=tuple(step for step in one.succeeds if step[0] not in told))


def _followed(older: Member | None, newer: Member, issued: int) -> Member:
    """`operator` stays that of the older list, which is about who ran the log when the bundle was made; the other one
    is kept beside it, for a party that moved to a witness's operator could have that date its contracts back."""
    if older is None:
        return newer
    named = {_identity(key) for key in newer.log_keys}
    return replace(
        newer,
        operator=older.operator,
        later_operator=newer.operator,
        log_keys=(*_log_keys(older, newer, issued), *(key for key in older.log_keys if _identity(key) not in named)),
        seal_certificates={**older.seal_certificates, **_certificates(older, newer, issued)},
        former_seal_keys_pq=(*_second_keys(older, newer, issued), *_former(older, newer.seal_keys_pq)),
    )


def _log_keys(older: Member, newer: Member, issued: int) -> Iterator[Mapping[str, object]]:
    """Those of the newer list; one that the older list let sign has not ended before that list's day."""
    before = {_identity(key): key.get(LOG_UNTIL) for key in older.log_keys}
    for key in newer.log_keys:
        name = _identity(key)
        ended = LOG_UNTIL in key and name in before and not _over(before[name], issued)
        yield {**key, LOG_UNTIL: written(issued + 1)} if ended and _over(key[LOG_UNTIL], issued) else key


def _over(end: object, at: int) -> bool:
    """What is no time counts as long past."""
    try:
        said = trustlist.seconds(end)
    except Fault:
        return True
    return said is not None and said <= at


def _certificates(older: Member, newer: Member, issued: int) -> Mapping[str, Period]:
    before = older.seal_certificates
    return {name: _period(before.get(name), said, issued) for name, said in newer.seal_certificates.items()}


def _second_keys(older: Member, newer: Member, issued: int) -> list[SecondKey]:
    before = {_identity(one.jwk): one.period for one in older.seal_keys_pq}
    return [
        replace(one, period=_period(before.get(_identity(one.jwk)), one.period, issued))
        for one in newer.former_seal_keys_pq
    ]


def _period(before: Period | None, now: Period, issued: int) -> Period:
    """What both lists say, the older one `issued` then (seconds): what counted on its day has neither begun later nor
    ended before, unless the authority says that it struck it off (decision 0170)."""
    if before is None or now.struck:
        return now
    if before.struck:
        return before
    begin = None if before.begin is None or now.begin is None else min(before.begin, now.begin)
    told = before.end is not None and now.end is not None and before.end <= now.end
    if now.end is None or told:
        return replace(now, begin=begin)
    return Period(begin, max(now.end, issued + 1), later=True)


def _vouching(older: Sequence[object], newer: Sequence[object], issued: int) -> list[object]:
    """The witnesses of the newer list; a key that the older one let count retires on that list's day at the earliest,
    unless it was struck off."""
    before = {(operator, _identity(key)): key.get(_UNTIL) for operator, key in _witness_keys(older)}

    def kept(operator: object, key: object) -> object:
        if not isinstance(key, dict) or not isinstance(operator, str) or _UNTIL not in key or _STRUCK in key:
            return key
        if (name := (operator, _identity(key))) not in before:
            return key
        try:
            ends, said = trustlist.seconds(key[_UNTIL]), trustlist.seconds(before[name])
        except Fault:
            return key  # whoever reads the witnesses says what is wrong with it
        if ends is None or ends >= issued or (said is not None and said <= ends):
            return key
        return {**key, _UNTIL: written(issued)}

    return _each_key(newer, kept)


def _each_key(witnesses: Sequence[object], kept: Callable[[object, object], object]) -> list[object]:
    """The witnesses with what `kept` gives for each key and its operator."""
    return [
        {**one, "keys": [kept(one.get("operator"), key) for key in one["keys"]]}
        if isinstance(one, dict) and isinstance(one.get("keys"), list)
        else one
        for one in witnesses
    ]


def _witness_keys(witnesses: Sequence[object]) -> Iterator[tuple[object, Mapping[str, object]]]:
    for one in witnesses:
        if isinstance(one, dict) and isinstance(one.get("keys"), list) and isinstance(one.get("operator"), str):
            yield from ((one["operator"], key) for key in one["keys"] if isinstance(key, dict))


def _former(older: Member, known: Sequence[SecondKey]) -> list[SecondKey]:
    named = {_identity(one.jwk) for one in known}
    return [one for one in older.seal_keys_pq if _identity(one.jwk) not in named]


def _identity(jwk: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(jwk.get(name)) for name in _IDENTITY)


def _payload(one: TrustList) -> bytes:
    return one.signed.partition(b".")[2]
