"""A second seal beside the first, by ML-DSA-44: it holds even if elliptic curves no longer do (spec/contracts.md 2.5).

Same references and header as the seal, without a certificate: its key is one that the signed trust list names for the
DID. It never stands alone; where there is one it must hold, and where an agreement record names one it must be here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from connector.verify.checks import contract, revocation
from connector.verify.checks.contract import Given, Role
from connector.verify.checks.examination import need
from connector.verify.checks.records import AGREEMENT, Line, Logged
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import base64url, jades, jcs
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.jades import Seal
from connector.verify.formats.trustlist import Period, SecondKey, seconds

ALG, LENGTH = "ML-DSA-44", 2420


def name(role: Role) -> str:
    """The member of a bundle."""
    return f"{role}.pq.jws"


def member(role: Role) -> str:
    """The member of an agreement record: the SHA-256 (hex) of the second seal, absent where there is none."""
    return f"{role}Pq"


def named(role: Role, lines: Sequence[Line]) -> tuple[object, ...]:
    """What the agreement records say of that party's second seal, in their order; records of old say nothing."""
    bodies = (line.body for line in lines if isinstance(line, Logged) and line.type == AGREEMENT)
    return tuple(said for body in bodies if (said := body.get(member(role))) is not None)


def check(role: Role, given: Given, lines: Sequence[Line] | None) -> None:
    """It is the one that the records name, covers what that party's seal covers, and a key of the trust list made it.

    The key is judged at the time of the first record that names it (spec/contracts.md 4.2).
    Fault `pq-missing`, `pq-other`, `pq-key`, `pq-period`, `pq-alone`, `seal-signature`, `key-revoked` and those of a
    seal's form and references; Doubt `pq-period` where a record names it outside of its key's time or it claims
    another, `pq-apart` where it claims another time than the first seal, `pq-unsupported` where the installed library
    cannot check it, `pq-unlisted` where the list does not know the key that a seal in the log names.
    """
    agreement, known = need(given.agreement, "agreement"), need(lines, "records")
    said = named(role, known)
    _check_named(role, given, said)
    if f"{role}.jws" not in given.members:
        raise Fault("pq-alone")
    seal = jades.read_bare(contract.text(given.members[name(role)]), ALG, LENGTH)
    contract.check_references(seal, contract.signed_by(role, agreement, given.members), given.members)
    did = agreement.did(role)
    if seal.did != did:
        raise Fault("seal-foreign", did=did, kid=seal.kid)
    trust_list = need(given.trust_list, "trust-list")
    at = given.second_at(role)
    listed = trust_list.members.get(did) if said else trust_list.member(did)
    key = _judged(seal, () if listed is None else listed.seal_keys_pq, did, logged=bool(said))
    if not said and key.period != Period():
        _check_period(key.period, (seal.iat, seconds(trust_list.at_export)), did)
    if contract.exporting(given).role == role:
        for kid in (seal.kid, f"{did}#{thumbprint(key.jwk)}"):  # whatever name it gives its key
            revocation.check_key(replace(seal, kid=kid), known, at)
    if said:
        _doubt_period(key.period, (at, seal.iat), did)
    if at is not None and seal.iat > at + SKEW_S:
        raise Doubt("time-order", claimed=written(seal.iat), at=written(at))
    first = contract.read_seal(given.members[f"{role}.jws"]).iat
    if abs(seal.iat - first) > SKEW_S:
        raise Doubt("pq-apart", claimed=written(seal.iat), sealed=written(first))
    if not given.anchors.authority:
        raise Doubt("no-authority")


def _check_named(role: Role, given: Given, said: Sequence[object]) -> None:
    """Nobody has taken it out or put another one in its place since a record named it."""
    here = given.members.get(name(role))
    if here is None:
        raise Fault("pq-missing")
    if any(one != sha256(here).hexdigest() for one in said):
        raise Fault("pq-other")


def _judged(seal: Seal, keys: Sequence[SecondKey], did: str, *, logged: bool) -> SecondKey:
    """What stands in the log was judged when it came there. If an authority has dropped the key or the member since,
    nothing is wrong, but nothing can be proven either; what no record names has no such excuse."""
    try:
        return made_by(seal, keys, did)
    except Doubt:
        raise
    except Fault as fault:
        if logged and not any(seal.kid == f"{did}#{thumbprint(key.jwk)}" for key in keys):
            raise Doubt("pq-unlisted", did=did) from fault
        raise


def thumbprint(jwk: Mapping[str, object]) -> str:
    """RFC 7638 for a key of RFC 9964: what the fragment of a `kid` is."""
    named = {member: str(jwk.get(member)) for member in ("alg", "kty", "pub")}
    return base64url.encode(sha256(jcs.encode(named)).digest())


def _check_period(period: Period, times: Sequence[int | None], did: str) -> None:
    """What no record names could have been made at any time, so its key must count when the seal says that it was made
    and on the day of the list."""
    try:
        _doubt_period(period, times, did)
    except Doubt as found:
        raise Fault(found.code, **found.facts) from found


def _doubt_period(period: Period, times: Sequence[int | None], did: str) -> None:
    """What a record names was judged by the list of that day. If a later list says otherwise, it is not proven.

    It is not wrong: whoever gives its key up at once, or claims another time, must not spoil its partner's contract.
    """
    for at in times:
        if at is not None and not period.holds(at):
            raise Doubt("pq-period", did=did, at=written(at))


def made_by(seal: Seal, keys: Sequence[SecondKey], did: str) -> SecondKey:
    """The key that made it; Fault `pq-key` without keys, `seal-signature`, Doubt `pq-unsupported`."""
    fault = Fault("pq-key", did=did)
    for key in keys:
        try:
            verify(seal, key.jwk, did)
        except Doubt:
            raise
        except Fault as found:  # another one may have made it
            fault = found if found.code == "seal-signature" else fault
            continue
        return key
    raise fault


def verify(seal: Seal, jwk: Mapping[str, object], did: str) -> None:
    """This key made it; Fault `pq-key` or `seal-signature`, Doubt `pq-unsupported`."""
    public = jwk.get("pub")
    if (jwk.get("kty"), jwk.get("alg")) != ("AKP", ALG) or not isinstance(public, str):
        raise Fault("pq-key", did=did)
    try:
        MLDSA44PublicKey.from_public_bytes(base64url.decode(public)).verify(seal.signature, seal.signed)
    except UnsupportedAlgorithm as fault:
        raise Doubt("pq-unsupported") from fault
    except ValueError as fault:
        raise Fault("pq-key", did=did) from fault
    except InvalidSignature as fault:
        raise Fault("seal-signature") from fault
