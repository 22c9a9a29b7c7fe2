"""The second seal of a party, ML-DSA-44 beside its first one (contracts.md 7): made with it, kept as evidence.

Each side keeps its own. It goes into a bundle only while the trust list in that bundle names its key: where a second
seal stands it must hold, and a key that nobody vouches for would spoil a contract that is good.
"""

from collections.abc import Mapping, Sequence

from connector.contracts import drafting, signing
from connector.contracts.drafting import Sealer
from connector.contracts.model import Agreement, EvidenceObject
from connector.errors import PeerError
from connector.trust.jwk import thumbprint
from connector.verify import jades, trustlist
from connector.verify.faults import Fault
from connector.verify.postquantum import ALG, LENGTH

NAMES = {"provider": "provider.pq.jws", "consumer": "consumer.pq.jws"}


def made(role: str, me: Sealer, references: Sequence[signing.Reference], iat: int) -> tuple[EvidenceObject, ...]:
    """The second seal over what the first one covers; nothing if the party has no key for it. `iat` in seconds."""
    if me.second is None:
        return ()
    jws = signing.sign_pq(references, me.second, iat)
    return (drafting.evidence_object(NAMES[role], "application/jose", jws.encode("ascii")),)


def members(objects: Mapping[str, bytes], agreement: Agreement, trust_list: str) -> dict[str, bytes]:
    """What of it a bundle with this trust list holds, by its name there."""
    firsts = {"provider": agreement.provider_jws, "consumer": agreement.consumer_jws}
    return {
        NAMES[role]: objects[NAMES[role]]
        for role, first in firsts.items()
        if first is not None and NAMES[role] in objects and _vouched(objects[NAMES[role]], trust_list)
    }


def _vouched(jws: bytes, trust_list: str) -> bool:
    try:
        kid = jades.read_bare(jws.decode("ascii"), ALG, LENGTH).kid
        member = trustlist.parse(trust_list.encode("ascii")).members.get(kid.partition("#")[0])
        return (
            member is not None and member.seal_key_pq is not None and kid.endswith(f"#{thumbprint(member.seal_key_pq)}")
        )
    except (Fault, PeerError, ValueError):
        return False
