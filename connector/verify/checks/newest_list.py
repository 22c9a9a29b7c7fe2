"""Which trust list counts: the newest of the one in the bundle and the one that the auditor has (T67).

The exporter chooses the list in the bundle, and an older one may still call a suspended member one. So a newer list
from outside decides who is a member, since when a key or certificate is ended, and what is listed today. What it no
longer names (the keys of a member that left, a witness that is no more) still counts as the older list says, because
that one too bears the authority's signature; but that somebody is no longer listed is never passed over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from connector.verify.checks.anchors import Anchors
from connector.verify.formats import trustlist
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import Member, SecondKey, TrustList

_IDENTITY = ("kty", "crv", "alg", "x", "y", "pub")


def judged_by(bundled: bytes, given: bytes | None, anchors: Anchors) -> TrustList:
    """The list that counts, signed by the authority as is every list it comes from.

    Fault `trust-list-form`, `trust-list-signature`, or `trust-list-forked` for two lists of one version; Doubt
    `no-authority`, or `trust-list-given` if the auditor's own file is no list of that authority: that says nothing
    against the bundle.
    """
    ours = trustlist.proven(bundled, anchors.authority)
    if given is None:
        return ours
    try:
        theirs = trustlist.proven(given.strip(), anchors.authority, given=True)
    except Fault as fault:
        raise Doubt("trust-list-given") from fault
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
    listed = {did: _followed(older.members.get(did), member) for did, member in newer.members.items()}
    told = {before for one in listed.values() for before, _ in one.succeeds}
    gone = {did: _gone(one, told) for did, one in older.members.items() if did not in listed}
    witnesses = [*newer.witnesses, *older.witnesses]
    return replace(newer, members={**listed, **gone}, witnesses=witnesses, exported=older.issued)


def _gone(one: Member, told: Collection[str]) -> Member:
    """Whom the newer list does not name; whose place it had taken still counts, unless that list says otherwise."""
    return replace(one, unlisted=True, succeeds=tuple(step for step in one.succeeds if step[0] not in told))


def _followed(older: Member | None, newer: Member) -> Member:
    """`operator` stays that of the older list, which is about who ran the log when the bundle was made; the other one
    is kept beside it, for a party that moved to a witness's operator could have that date its contracts back."""
    if older is None:
        return newer
    named = {_identity(key) for key in newer.log_keys}
    return replace(
        newer,
        operator=older.operator,
        later_operator=newer.operator,
        log_keys=(*newer.log_keys, *(key for key in older.log_keys if _identity(key) not in named)),
        seal_certificates={**older.seal_certificates, **newer.seal_certificates},
        former_seal_keys_pq=(*newer.former_seal_keys_pq, *_former(older, newer.seal_keys_pq)),
    )


def _former(older: Member, known: Sequence[SecondKey]) -> list[SecondKey]:
    named = {_identity(one.jwk) for one in known}
    return [one for one in older.seal_keys_pq if _identity(one.jwk) not in named]


def _identity(jwk: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(jwk.get(name)) for name in _IDENTITY)


def _payload(one: TrustList) -> bytes:
    return one.signed.partition(b".")[2]
