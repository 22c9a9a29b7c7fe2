"""The second seal of a party, ML-DSA-44 beside its first one (contracts.md 7): made with it, sent with it, kept.

It travels in a member of its own, so peers that know nothing of it skip it. What a peer gives there is judged when its
first seal is: one that cannot hold is recorded and kept out, and never stops a contract. It goes into a bundle only
while the trust list in that bundle names its key, that key made it, and it covers what the first one there covers (a
late countersignature may have taken the place of an earlier one): where a second seal stands it must hold, and one that
nobody vouches for would spoil a contract that is good.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from connector.contracts import drafting, signing, store
from connector.contracts.drafting import Sealer
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.errors import PeerError
from connector.storage.database import Tx
from connector.trust.jwk import thumbprint
from connector.verify import jades, postquantum, trustlist
from connector.verify.faults import Doubt, Fault
from connector.verify.postquantum import ALG, LENGTH

Side = Literal["provider", "consumer"]
SecondKey = Callable[[str], Mapping[str, str] | None]
"""DID -> the public key (JWK) that the trust list in force names for its second seals."""
NAMES: Final = {"provider": "provider.pq.jws", "consumer": "consumer.pq.jws"}
CLAIMED, INVALID = "claimed:", "invalid:"
LONGEST: Final = 16_384
"""Bytes of a second seal; a real one has a third of that."""
_TYPE: Final = "application/jose"


def nobody(did: str) -> None:
    """Where no trust list is looked at: every second seal then waits for that of the bundle."""


def made(role: str, me: Sealer, references: Sequence[signing.Reference], iat: int) -> tuple[EvidenceObject, ...]:
    """The second seal over what the first one covers; nothing if the party has no key for it. `iat` in seconds."""
    if me.second is None:
        return ()
    jws = signing.sign_pq(references, me.second, iat)
    return (drafting.evidence_object(NAMES[role], _TYPE, jws.encode("ascii")),)


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
    return (drafting.evidence_object(CLAIMED + NAMES[role], _TYPE, body),)


def claim(tx: Tx, slug: str, case_id: str, role: Side) -> EvidenceObject | None:
    """What that party gave and nobody has refused."""
    name = CLAIMED + NAMES[role]
    return store.objects(tx, slug, case_id, name).get(name)


def check(jws: bytes, covered: Sequence[signing.Reference], did: str, listed: Mapping[str, str] | None) -> None:
    """It can be that party's second seal over what its first one covers; Fault otherwise.

    The signature is checked with the `listed` key if it names that one; the list of a bundle decides in any case.
    """
    if len(jws) > LONGEST:
        raise Fault("seal-form", what="size")
    seal = _read(jws)
    if [(one.par, one.cty) for one in covered] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")
    jades.check_objects(seal, {one.par: one.body for one in covered})
    if seal.did != did:
        raise Fault("seal-foreign", did=did, kid=seal.kid)
    if listed is not None and _names(seal.kid, listed):
        try:
            postquantum.verify(seal, listed, did)
        except Doubt:
            return  # this installation has no ML-DSA; whoever reads the bundle may have it


def taken(claim: EvidenceObject, role: Side) -> EvidenceObject:
    """The claim under the name that bundles know."""
    return replace(claim, name=NAMES[role])


def refuse(tx: Tx, case: Case, role: Side) -> bool:
    """The claim is kept as an invalid one; False if that has been done. The caller holds the lock of the case."""
    found = claim(tx, case.participant, case.id, role)
    if found is None:
        return False
    store.drop_use(tx, case.participant, case.id, found.name)
    store.keep_object(tx, case.participant, case.id, case.counterparty, replace(found, name=INVALID + NAMES[role]))
    return True


def invalid(tx: Tx, agreement: Agreement) -> bool:
    """Whether the partner's was refused."""
    theirs = NAMES["consumer" if agreement.role == "provider" else "provider"]
    return store.used(tx, agreement.participant, agreement.negotiation, INVALID + theirs) is not None


def members(objects: Mapping[str, bytes], agreement: Agreement, trust_list: str) -> dict[str, bytes]:
    """What of it a bundle with this trust list holds, by its name there."""
    firsts = {"provider": agreement.provider_jws, "consumer": agreement.consumer_jws}
    return {
        NAMES[role]: objects[NAMES[role]]
        for role, first in firsts.items()
        if first is not None and NAMES[role] in objects and _vouched(objects[NAMES[role]], first, trust_list)
    }


def _vouched(jws: bytes, first: str, trust_list: str) -> bool:
    try:
        seal, beside = _read(jws), jades.read(first)
        if (seal.pars, seal.hashes, seal.ctys) != (beside.pars, beside.hashes, beside.ctys):
            return False
        member = trustlist.parse(trust_list.encode("ascii")).members.get(seal.did)
        if member is None or member.seal_key_pq is None or not _names(seal.kid, member.seal_key_pq):
            return False
        postquantum.verify(seal, member.seal_key_pq, seal.did)
    except Doubt:
        return True  # nothing is wrong: this installation has no ML-DSA
    except (Fault, ValueError):
        return False
    return True


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
