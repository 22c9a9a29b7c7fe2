"""The second seal of a party, ML-DSA-44 beside its first one (spec/contracts.md 2.5): made with it, sent with it, kept.

It travels in a member of its own, so peers that know nothing of it skip it. What a peer gives there is judged when its
first seal is: one that cannot hold is recorded and kept out, and never stops a contract. An agreement record names it
once the trust list names its key, that key made it, and it covers what the first one covers (a late countersignature
may have taken the place of an earlier one): from then on nobody can take it out or exchange it. Until then a bundle has
it only while its own list says all that: one that nobody vouches for would spoil a contract that is good.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from connector.exchange.contracts import object_store
from connector.exchange.contracts.document import draft, sealing
from connector.exchange.contracts.document.draft import Sealer
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Tx
from connector.identity.trust.keys.jwk import thumbprint
from connector.verify.checks import second_seal
from connector.verify.checks.second_seal import ALG, LENGTH
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import jades, trustlist
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import Period, SecondKey

Side = Literal["provider", "consumer"]
SIDES: Final[tuple[Side, ...]] = ("provider", "consumer")
SecondKeys = Callable[[str], Sequence[Mapping[str, str]]]
"""DID -> the public keys (JWK) that the trust list in force names for its second seals now."""
SecondKeysFor = Callable[[str, str], Sequence[Mapping[str, str]]]
"""The same by the lists that count for a participant of ours, whose DID comes second."""
NAMES: Final = {"provider": "provider.pq.jws", "consumer": "consumer.pq.jws"}
CLAIMED, INVALID = "claimed:", "invalid:"
HEADER: Final = "Hanse-Second-Seal"
"""Of a request that hands in a late countersignature: SHA-256 (hex) of the second seal, fetched like an approval."""
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LONGEST: Final = 16_384
"""Bytes of a second seal; a real one has a third of that."""
_TYPE: Final = "application/jose"


DUE: Final = "second-seal"
"""Timer of a negotiation: look again whether the list names the key of a second seal that no record names yet."""
OFTEN_MS, SELDOM_MS, PATIENCE_MS = 60_000, 21_600_000, 30 * 86_400_000
"""Looked for after a minute, then after as long again as has passed, at most six hours; given up after 30 days."""


class Judged(NamedTuple):
    """Second seals beside the first ones: those that a record may name, and whether some are not vouched for yet."""

    proven: Mapping[Side, EvidenceObject]
    waits: bool


def nobody(did: str, own: str = "") -> tuple[()]:
    """Where no trust list is looked at: every second seal then waits."""
    return ()


def made(role: str, me: Sealer, references: Sequence[sealing.Reference], iat: int) -> tuple[EvidenceObject, ...]:
    """The second seal over what the first one covers; nothing if the party has no key for it. `iat` in seconds."""
    if me.second is None:
        return ()
    jws = sealing.sign_pq(references, me.second, iat)
    return (draft.evidence_object(NAMES[role], _TYPE, jws.encode("ascii")),)


def ours(objects: Mapping[str, EvidenceObject], role: str) -> str | None:
    """The one that was made, as it is sent."""
    found = objects.get(NAMES[role])
    return None if found is None else found.body.decode("ascii")


def claimed(role: Side, value: object) -> tuple[EvidenceObject, ...]:
    """What a peer gave as its second seal, cut to size: nothing is believed of it yet."""
    if value is None:
        return ()
    text = value if isinstance(value, str) else json.dumps(value)
    body = text.encode("utf-8", "backslashreplace")[: LONGEST + 1]
    return (draft.evidence_object(CLAIMED + NAMES[role], _TYPE, body),)


def claim(tx: Tx, slug: str, case_id: str, role: Side) -> EvidenceObject | None:
    """What that party gave and nobody has refused."""
    name = CLAIMED + NAMES[role]
    return object_store.objects(tx, slug, case_id, name).get(name)


def check(
    jws: bytes, covered: Sequence[sealing.Reference], did: str, iat: int, listed: Sequence[Mapping[str, str]] = ()
) -> None:
    """It can be that party's second seal over what its first one covers, made with that (its `iat`, in seconds); Fault
    otherwise.

    The signature is checked with the `listed` key that it names; with another one nobody vouches for it yet.
    """
    if len(jws) > LONGEST:
        raise Fault("seal-form", what="size")
    seal = _read(jws)
    if [(one.par, one.cty) for one in covered] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")
    jades.check_objects(seal, {one.par: one.body for one in covered})
    if seal.did != did:
        raise Fault("seal-foreign", did=did, kid=seal.kid)
    if not _made_with(seal.iat, iat):
        raise Fault("time-order", claimed=written(seal.iat), at=written(iat))
    try:
        for key in listed:
            if _names(seal.kid, key):
                second_seal.verify(seal, key, did)
    except Doubt:
        return  # this installation has no ML-DSA; whoever reads the bundle may have it


def fits(jws: bytes, covered: Sequence[sealing.Reference], did: str, iat: int) -> bool:
    """Whether it can be the second seal beside a first one over these objects."""
    try:
        check(jws, covered, did, iat)
    except Fault:
        return False
    return True


def taken(claim: EvidenceObject, role: Side) -> EvidenceObject:
    """The claim under the name that bundles know."""
    return replace(claim, name=NAMES[role])


def refuse(tx: Tx, case: NegotiationRow, role: Side) -> bool:
    """The claim is kept as an invalid one; False if that has been done. The caller holds the lock of the case."""
    found = claim(tx, case.participant, case.id, role)
    if found is None:
        return False
    object_store.drop_use(tx, case.participant, case.id, found.name)
    object_store.keep_object(
        tx, case.participant, case.id, case.counterparty, replace(found, name=INVALID + NAMES[role])
    )
    return True


def invalid(tx: Tx, agreement: Agreement) -> bool:
    """Whether the partner's was refused."""
    theirs = NAMES["consumer" if agreement.role == "provider" else "provider"]
    return object_store.used(tx, agreement.participant, agreement.negotiation, INVALID + theirs) is not None


def judged(objects: Mapping[str, EvidenceObject], firsts: Mapping[Side, str | None], keys: SecondKeys) -> Judged:
    """Of what is kept of a contract with these first seals (None: not sealed); `keys` by the list in force."""
    proven: dict[Side, EvidenceObject] = {}
    waits = False
    for role, first in firsts.items():
        found = objects.get(NAMES[role])
        seal = None if found is None or first is None else _beside(found.body, first)
        if found is None or seal is None:
            continue
        try:
            second_seal.made_by(seal, _named(seal, keys), seal.did)
            proven[role] = found
        except Doubt:
            waits = True
        except Fault as fault:
            waits = waits or fault.code == "pq-key"
    return Judged(proven, waits)


def members(
    objects: Mapping[str, bytes], firsts: Mapping[Side, str | None], trust_list: str, logged: Mapping[Side, bytes]
) -> dict[str, bytes]:
    """What of it a bundle with this trust list holds, by its name there; what records name (`logged`) in any case."""
    found = {NAMES[role]: body for role, body in logged.items()}
    for role, first in firsts.items():
        name = NAMES[role]
        if first is not None and role not in logged and name in objects and _vouched(objects[name], first, trust_list):
            found[name] = objects[name]
    return found


def _vouched(jws: bytes, first: str, trust_list: str) -> bool:
    """By this list, on its day."""
    try:
        seal = _beside(jws, first)
        if seal is None:
            return False
        listed = trustlist.parse(trust_list.encode("ascii"))
        member = listed.members.get(seal.did)
        keys = [] if member is None else [one for one in member.seal_keys_pq if _names(seal.kid, one.jwk)]
        period = second_seal.made_by(seal, keys, seal.did).period
        return period == Period() or all(period.holds(at or 0) for at in (seal.iat, trustlist.seconds(listed.issued)))
    except (Doubt, Fault, ValueError):  # Doubt: this installation has no ML-DSA, so it may be anything
        return False


def _beside(jws: bytes, first: str) -> jades.Seal | None:
    """The second seal, if it is by whoever made the first one and covers the same."""
    try:
        seal, beside = _read(jws), jades.read(first)
    except Fault:
        return None
    same = (seal.did, seal.pars, seal.hashes, seal.ctys) == (beside.did, beside.pars, beside.hashes, beside.ctys)
    return seal if same and _made_with(seal.iat, beside.iat) else None


def _made_with(iat: int, first: int) -> bool:
    """One that claims another time would be called unproven for that, and the contract with it."""
    return abs(iat - first) <= SKEW_S


def _named(seal: jades.Seal, keys: SecondKeys) -> list[SecondKey]:
    return [SecondKey(key) for key in keys(seal.did) if _names(seal.kid, key)]


def _read(jws: bytes) -> jades.Seal:
    try:
        return jades.read_bare(jws.decode("ascii"), ALG, LENGTH)
    except UnicodeDecodeError as cause:
        raise Fault("seal-form", what="compact") from cause


def _names(kid: str, jwk: Mapping[str, object]) -> bool:
    try:
        return kid.endswith(f"#{thumbprint(jwk)}")
    except (PeerError, KeyError, TypeError, ValueError):
        return False
