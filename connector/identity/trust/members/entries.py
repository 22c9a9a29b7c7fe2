"""What a list says of a member's keys, and how the next list goes on from the one before (spec/trust.md 4.1).

Pure: whoever makes a list, a development space or the authority of one, describes keys and periods in the same way.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from connector.foundation.clock import rfc3339
from connector.identity.trust.keys.signing import KeyRecord
from connector.identity.trust.members.trust_list import MOST_FORMER, UNTIL, Entry, Sealing, SecondKey, millis

_PQ: Final = ("seal-pq", "active")
_FORMER: Final = ("verify-only", "removed")
OVERLAP_MS: Final = 30 * 86_400_000
"""For so long the certificate of a former seal key still counts: what it sealed last is witnessed later."""


def entry(
    *,
    did: str,
    name: str,
    operator: str,
    kind: str,
    valid_from: str,
    keys: tuple[KeyRecord, ...],
    at: str | None = None,
) -> Entry:
    """What the list says of a participant: its log keys and its seal certificates (spec/trust.md 4.1), and the keys by
    which peers may go on at once where a stolen key left without overlap.

    Certificates of former seal keys count until the overlap after `at`, the time of the list; None: without end. A
    former key for second seals counts until the overlap after it was replaced, or until it was withdrawn.
    """
    end = None if at is None else rfc3339(millis(at) + OVERLAP_MS)
    seals: list[str | Sealing] = []
    for key in keys:
        digest = _unnamed(did, key) if key.purpose == "seal" else None
        if digest is not None:
            former = end is not None and key.state in _FORMER
            seals.append(Sealing(digest, valid_until=end) if former else digest)
    logs = tuple(_ending(key) for key in keys if key.purpose in ("log", "log-pq"))
    return Entry(
        did=did,
        name=name,
        operator=operator,
        kind=kind,
        groups=(),
        state="active",
        valid_from=valid_from,
        log_keys=logs,
        seal_certificates=tuple(seals),
        keys=tuple(
            key.thumbprint for key in keys if key.purpose in ("peer", "seal", "agent") and key.state != "removed"
        ),
        seal_key_pq=next((dict(key.public_jwk) for key in keys if (key.purpose, key.state) == _PQ), None),
        former_seal_keys_pq=_latest(
            [_former(key) for key in keys if key.purpose == _PQ[0] and key.state in _FORMER and key.until]
        ),
    )


def continued(before: Entry | None, fresh: Entry, begin: str, now: int) -> Entry:
    """The entry that follows `before`, so that what was sealed under the old one can still be judged by the new one.

    A member stays one since it first was (`begin` is what a new one is given). A certificate that is listed no longer
    stays with its period, which ends after the overlap; one that is listed again gets no end, or the one said anew.
    """
    if before is None:
        return fresh
    known = {one.sha256: one for one in before.listed_seals}
    told = {one.sha256: one for one in fresh.listed_seals}
    seals = [_period(known.get(name), told.get(name), now) for name in {**told, **known}]
    since = before.valid_from if fresh.valid_from == begin and before.admitted(now) else fresh.valid_from
    plain = tuple(one.sha256 if one == Sealing(one.sha256) else one for one in seals)
    return msgspec.structs.replace(
        fresh, valid_from=since, seal_certificates=plain, former_seal_keys_pq=_replaced(before, fresh, now)
    )


def _replaced(before: Entry, fresh: Entry, now: int) -> tuple[SecondKey, ...]:
    """The former keys for second seals: an end that was said stays, unless one that is said now is earlier.

    A key that was replaced is among the fresh ones; one that is there no more was withdrawn, and counts until now.
    """
    found = {str(one.key.get("pub")): one for one in fresh.former_seal_keys_pq}
    known = list(before.former_seal_keys_pq)
    if before.seal_key_pq is not None:
        known.append(SecondKey(before.seal_key_pq))
    for one in known:
        name, gone = str(one.key.get("pub")), msgspec.structs.replace(one, valid_until=rfc3339(now))
        found[name] = min(one, found.get(name, gone), key=_ends)
    present = fresh.seal_key_pq or {}
    return _latest([one for name, one in found.items() if name != present.get("pub")])


def _ends(one: SecondKey) -> float:
    return math.inf if one.valid_until is None else millis(one.valid_until)


def _latest(found: list[SecondKey]) -> tuple[SecondKey, ...]:
    """As many as a list may name, the ones that ended last; in one order, so that the same keys give the same list."""
    return tuple(sorted(found, key=lambda one: (-_ends(one), str(one.key.get("pub"))))[:MOST_FORMER])


def _former(key: KeyRecord) -> SecondKey:
    end = (key.until or 0) + (OVERLAP_MS if key.state == "verify-only" else 0)
    return SecondKey(dict(key.public_jwk), valid_until=rfc3339(end))


def _period(before: Sealing | None, fresh: Sealing | None, now: int) -> Sealing:
    """Since when as it was before; an end that was said stays unless the certificate may seal again."""
    kept = before or fresh
    assert kept is not None
    if fresh is not None and fresh.valid_until is None:
        return msgspec.structs.replace(kept, valid_until=None)
    end = fresh.valid_until if fresh is not None else rfc3339(now + OVERLAP_MS)
    return kept if kept.valid_until is not None else msgspec.structs.replace(kept, valid_until=end)


def _ending(key: KeyRecord) -> dict[str, str]:
    """A log key, and when it was retired: what it signed before still stands, no witness takes anything newer."""
    ended = key.until is not None and key.state in _FORMER
    return dict(key.public_jwk) | ({UNTIL: rfc3339(key.until or 0)} if ended else {})


def _unnamed(did: str, key: KeyRecord) -> str | None:
    """SHA-256 (hex) of a certificate that only the list can tie to the DID: at L1 it names the DID and is for ES256."""
    if key.certificate is None:
        return None
    leaf = x509.load_pem_x509_certificates(key.certificate.encode("ascii"))[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if did in names.get_values_for_type(x509.UniformResourceIdentifier) and key.public_jwk.get("alg") == "ES256":
        return None
    return leaf.fingerprint(SHA256()).hex()


def common_seals(first: Sequence[Sealing], others: Iterable[Sequence[Sealing]]) -> tuple[str | Sealing, ...]:
    """The certificates that all lists name, each for as long as all of them let it count: every authority has heard of
    it at a time of its own."""
    found = {one.sha256: one for one in first}
    for other in others:
        there = {one.sha256: one for one in other}
        found = {name: _narrower(one, there[name]) for name, one in found.items() if name in there}
    return tuple(one.sha256 if one == Sealing(one.sha256) else one for one in found.values())


def _narrower(one: Sealing, other: Sealing) -> Sealing:
    begins = [each.valid_from for each in (one, other) if each.valid_from is not None]
    ends = [each.valid_until for each in (one, other) if each.valid_until is not None]
    return Sealing(
        one.sha256,
        max(begins, key=millis, default=None),
        min(ends, key=millis, default=None),
        one.struck_since or other.struck_since,
    )


def common_log_keys(
    first: Sequence[dict[str, str]], others: Iterable[Sequence[dict[str, str]]]
) -> tuple[dict[str, str], ...]:
    """The log keys that all lists name, each with the earliest end that one of them says."""
    found = {_bare(key): key for key in first}
    for other in others:
        there = {_bare(key): key for key in other}
        found = {name: min(key, there[name], key=_signs_until) for name, key in found.items() if name in there}
    return tuple(found.values())


def _bare(key: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, text) for name, text in key.items() if name != UNTIL)


def _signs_until(key: dict[str, str]) -> float:
    """What is no time counts as long past."""
    try:
        return millis(key[UNTIL]) if UNTIL in key else math.inf
    except ValueError:
        return 0
