"""The authority's signed list of members, read for what contracts need: membership, log keys, seal certificates.

A compact JWS (ES256, `typ` `trust-list+jwt`), verified with a key from outside the bundle before anything in it is
read (spec/trust.md 4.1).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from connector.verify.formats import base64url, jcs, limits
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.succession import Succession, laid_out

TYP = "trust-list+jwt"
MOST_FORMER = 64
"""Former keys for second seals of one member."""
MOST_LOG_KEYS, MOST_WITNESS_KEYS = 256, 1_024
"""Keys of the log of one member; keys of all witnesses together. Each is read as a key before it is looked for."""
LONGEST_HEADER = 4_096
"""Characters of the header of the token: it is read before anybody has vouched for it."""
_LATEST = 253_402_300_800
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when something counts, in seconds; None: no bound on this side.

    `struck`: people of the authority struck it off. `later`: only a list that came after the one by which the exporter
    went says that it ended.
    """

    begin: int | None = None
    end: int | None = None
    struck: bool = False
    later: bool = False

    def holds(self, at: int) -> bool:
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class SecondKey:
    """A key for second seals (JWK), and from when until when it counts."""

    jwk: Mapping[str, object]
    period: Period = Period()


@dataclass(frozen=True, slots=True)
class Member:
    """What the list says of one participant; `seal_certificates` by the SHA-256 (hex) of the certificate.

    `suspended` at the time of the list, `suspended_since` in seconds if the list says so. `former_seal_keys_pq` are
    those that had the place of `seal_key_pq` before.
    """

    did: str
    name: str
    operator: str
    log_keys: tuple[Mapping[str, object], ...]
    seal_certificates: Mapping[str, Period]
    period: Period
    suspended: bool
    suspended_since: int | None = None
    seal_key_pq: Mapping[str, object] | None = None
    former_seal_keys_pq: tuple[SecondKey, ...] = ()
    keys: frozenset[str] = frozenset()
    """Thumbprints of the peer and seal keys that the authority vouches for on the day of the list; empty: it says
    nothing of them."""
    later_operator: str = ""
    """Where the newest list says another one than the list by which the exporter went."""
    unlisted: bool = False
    """An older list named it, the newest does not."""
    succeeds: tuple[tuple[str, int], ...] = ()
    """Whose places it has taken, and since when (seconds)."""
    merged: tuple[str, int] | None = None
    """Of whom it is a part by law, and since when (seconds)."""

    @property
    def operators(self) -> frozenset[str]:
        """By either list: none of them vouches for a contract of this member."""
        return frozenset((self.operator, self.later_operator or self.operator))

    @property
    def seal_keys_pq(self) -> tuple[SecondKey, ...]:
        """All of them: the present one, which has no bounds, and the former ones."""
        current = () if self.seal_key_pq is None else (SecondKey(self.seal_key_pq),)
        return (*current, *self.former_seal_keys_pq)


@dataclass(frozen=True, slots=True)
class TrustList:
    """The parsed list, signed by the authority only if `proven` gave it. `witnesses` as they stand there; `issued` is
    the authority's word.

    From `next_update` on (seconds) it says nothing any more. `given`: it came from outside the bundle; `exported` is
    then when the list in the bundle was issued. `older` is then that list alone, with what this one struck off.
    """

    version: int
    issued: str
    next_update: int
    members: Mapping[str, Member]
    witnesses: Sequence[object]
    signed: bytes
    signature: bytes
    given: bool = False
    exported: str = ""
    older: "TrustList | None" = field(default=None, compare=False, repr=False)
    succession: Succession = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        steps = ((before, one.did, since) for one in self.members.values() for before, since in one.succeeds)
        object.__setattr__(self, "succession", laid_out(steps))

    @property
    def at_export(self) -> str:
        """When the list was issued by which the exporter went: no later key or end was known then."""
        return self.exported or self.issued

    @property
    def issued_at(self) -> int:
        """In seconds; 0 for what is no time, as if it were long past."""
        try:
            return seconds(self.issued) or 0
        except Fault:
            return 0

    def on(self, at: int) -> "TrustList":
        """The list that judges what was so at that time (seconds): up to its day the one in the bundle (0194)."""
        return self if self.older is None or at > self.older.issued_at else self.older

    def taken(self, did: str) -> tuple[str, int] | None:
        """Who took its place, and since when (seconds): not before the day of the list in the bundle, if that one does
        not say so."""
        found = self.succession.heirs.get(did)
        if found is None or self.older is None:
            return found
        day, before = self.older.issued_at, self.older.succession.heirs.get(did)
        if before is not None and before[0] == found[0] and before[1] <= day:
            return before
        return found[0], max(found[1], day)

    def last(self, did: str) -> str:
        """Who has its place now: itself, or the last of its successors."""
        return next((heir for heir, _ in reversed(self.succession.line(did))), did)

    def own_operators(self, exporter: str, *parties: str) -> frozenset[str]:
        """Operators that do not vouch for a contract: those of whoever exports it, of the parties, of all whose place
        one of them has taken or who has taken a party's place, and who could so date back (decision 0172, T69)."""
        heirs = (heir for party in parties for heir, _ in self.succession.line(party))
        names = {*self.succession.lineage(exporter), *parties, *heirs}
        return frozenset(name for one in names if one in self.members for name in self.members[one].operators)

    def member(self, did: str) -> Member:
        """The entry of `did`; Fault `not-listed`."""
        if did not in self.members:
            raise Fault("not-listed", did=did)
        return self.members[did]


def proven(jws: bytes, keys: Sequence[ec.EllipticCurvePublicKey], *, given: bool = False) -> TrustList:
    """The list in this token, which one of the authority's keys signed; what nobody signed is read no further (T67).

    `given`: it comes from outside the bundle. Fault `trust-list-form`, `trust-list-signature`; Doubt `no-authority`
    without keys.
    """
    envelope = _opened(jws)
    if keys and not _signed_by(envelope, keys):
        raise Fault("trust-list-signature")
    found = _read(envelope, given=given)
    if not keys:
        raise Doubt("no-authority")
    return found


def parse(jws: bytes, *, given: bool = False) -> TrustList:
    """The list in this token, whoever signed it; Fault `trust-list-form`."""
    return _read(_opened(jws), given=given)


class _Envelope(NamedTuple):
    """The token taken apart: base64url of the list, what is signed, the signature."""

    body: str
    signed: bytes
    signature: bytes


def _opened(jws: bytes) -> _Envelope:
    if len(jws) > limits.largest("trust-list.jws"):
        raise Fault("trust-list-form")
    try:
        head, body, tail = jws.decode("ascii").split(".")
        header = jcs.loads(base64url.decode(head[: LONGEST_HEADER + 1]))
        signature = base64url.decode(tail)
    except ValueError as fault:
        raise Fault("trust-list-form") from fault
    if not isinstance(header, dict) or header.get("alg") != "ES256" or header.get("typ") != TYP or "crit" in header:
        raise Fault("trust-list-form")
    if len(head) > LONGEST_HEADER or len(signature) != 64:
        raise Fault("trust-list-form")
    return _Envelope(body, f"{head}.{body}".encode("ascii"), signature)


def _read(envelope: _Envelope, *, given: bool) -> TrustList:
    try:
        content = base64url.decode(envelope.body)
        if not limits.is_plausible(content, limits.MOST_LISTED_VALUES):
            raise Fault("trust-list-form")
        payload = jcs.loads(content)
    except ValueError as fault:
        raise Fault("trust-list-form") from fault
    if not isinstance(payload, dict):
        raise Fault("trust-list-form")
    version, entries = payload.get("version"), payload.get("participants")
    next_update = seconds(payload.get("nextUpdate"))
    if isinstance(version, bool) or not isinstance(version, int) or not isinstance(entries, list):
        raise Fault("trust-list-form")
    if next_update is None:
        raise Fault("trust-list-form")
    members = {one.did: one for one in (_member(entry) for entry in entries)}
    gone = [before for one in members.values() for before, _ in one.succeeds]
    if len(members) != len(entries) or len(set(gone)) != len(gone):
        raise Fault("trust-list-form")
    return TrustList(
        version=version,
        issued=str(payload.get("issued", "")),
        next_update=next_update,
        members=members,
        witnesses=_witnesses(payload.get("witnesses", [])),
        signed=envelope.signed,
        signature=envelope.signature,
        given=given,
    )


def signed_by(trust_list: TrustList, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether this very key signed it, of several that an auditor may trust."""
    return _signed_by(_Envelope("", trust_list.signed, trust_list.signature), (key,))


def _signed_by(envelope: _Envelope, keys: Sequence[ec.EllipticCurvePublicKey]) -> bool:
    r, s = int.from_bytes(envelope.signature[:32]), int.from_bytes(envelope.signature[32:])
    signature = encode_dss_signature(r, s)
    return any(_verifies(key, signature, envelope.signed) for key in keys)


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _member(entry: object) -> Member:
    if not isinstance(entry, dict):
        raise Fault("trust-list-form")
    match entry:
        case {"did": str(did), "state": "active" | "suspended" as state, "validFrom": str(begin)}:
            found = entry.get("sealKeyPq")
            pq = found if isinstance(found, dict) else None
            return Member(
                did=did,
                name=str(entry.get("name", did)),
                operator=str(entry.get("operator", did)),
                log_keys=tuple(_keys(entry.get("logKeys"))),
                seal_certificates=_certificates(entry.get("sealCertificates")),
                period=Period(seconds(begin), seconds(entry.get("validUntil"))),
                suspended=state == "suspended",
                suspended_since=seconds(entry.get("suspendedSince")),
                seal_key_pq=pq,
                former_seal_keys_pq=_former(entry.get("formerSealKeysPq", []), pq or {}),
                keys=frozenset(one for one in _list(entry.get("keys")) if isinstance(one, str)),
                succeeds=tuple(_succeeded(one) for one in _list(entry.get("succeeds"))),
                merged=_merged(entry.get("mergedInto")),
            )
        case _:
            raise Fault("trust-list-form")


def _succeeded(value: object) -> tuple[str, int]:
    match value:
        case {"did": str(did), "from": str(since)}:
            return did, seconds(since) or 0
        case _:
            raise Fault("trust-list-form")


def _merged(value: object) -> tuple[str, int] | None:
    match value:
        case None:
            return None
        case {"did": str(did), "from": str(since), "listed": str(listed)}:
            seconds(listed)
            return did, seconds(since) or 0
        case _:
            raise Fault("trust-list-form")


def _keys(value: object) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = [key for key in _list(value) if isinstance(key, dict)]
    if len(found) > MOST_LOG_KEYS:
        raise Fault("trust-list-form")
    return found


def _witnesses(value: object) -> list[object]:
    """As they stand there; what `witness.derived` takes apart."""
    if not isinstance(value, list):
        raise Fault("trust-list-form")
    keys = [_list(one.get("keys")) for one in value if isinstance(one, dict)]
    if sum(map(len, keys)) > MOST_WITNESS_KEYS:
        raise Fault("trust-list-form")
    return value


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _certificates(value: object) -> Mapping[str, Period]:
    """Each a plain SHA-256, or `{sha256, validFrom, validUntil}` with RFC 3339 times, of which either may be absent.

    One certificate twice would have two periods: then the list is none.
    """
    if not isinstance(value, list | None):
        raise Fault("trust-list-form")
    found = dict(_certificate(one) for one in value or ())
    if len(found) != len(value or ()):
        raise Fault("trust-list-form")
    return found


def _certificate(value: object) -> tuple[str, Period]:
    match value:
        case str(digest):
            period = Period()
        case {"sha256": str(digest), **more}:
            struck, end = seconds(more.get("struckSince")), seconds(more.get("validUntil"))
            period = Period(seconds(more.get("validFrom")), earlier(end, struck), struck is not None)
        case _:
            raise Fault("trust-list-form")
    if not _SHA256.fullmatch(digest):
        raise Fault("trust-list-form")
    return digest, period


def _former(value: object, current: Mapping[str, object]) -> tuple[SecondKey, ...]:
    """Each `{key, validFrom, validUntil}`, of which either time may be absent; a key twice would have two periods."""
    if not isinstance(value, list) or len(value) > MOST_FORMER:
        raise Fault("trust-list-form")
    found = tuple(_second_key(one) for one in value)
    known = [one.jwk["pub"] for one in found] + [current[name] for name in ("pub",) if name in current]
    if len({str(pub) for pub in known}) != len(known):
        raise Fault("trust-list-form")
    return found


def _second_key(value: object) -> SecondKey:
    match value:
        case {"key": {"pub": str(), **_rest} as key, **more} if all(isinstance(one, str) for one in key.values()):
            return SecondKey(key, Period(seconds(more.get("validFrom")), seconds(more.get("validUntil"))))
        case _:
            raise Fault("trust-list-form")


def earlier(end: int | None, struck: int | None) -> int | None:
    """What was struck off counts no more from then, nor behind its end."""
    return min((one for one in (end, struck) if one is not None), default=None)


def seconds(text: object) -> int | None:
    """Seconds of an RFC 3339 time with its zone, None for none; Fault `trust-list-form`."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise Fault("trust-list-form")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Fault("trust-list-form") from fault
    if instant.tzinfo is None:
        raise Fault("trust-list-form")
    found = int(instant.timestamp())
    if not 0 <= found < _LATEST:  # a zone can lead out of what a calendar can show
        raise Fault("trust-list-form")
    return found
