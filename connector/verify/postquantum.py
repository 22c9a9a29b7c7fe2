"""A second seal beside the first, by ML-DSA-44: it holds even if elliptic curves no longer do (contracts.md 7).

Same references and header as the seal, without a certificate: its key is the one that the signed trust list names for
the DID. It never stands alone; where there is one it must hold.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from connector.verify import base64url, contract, jades
from connector.verify.contract import Given, Role
from connector.verify.examination import need
from connector.verify.faults import Doubt, Fault
from connector.verify.jades import Seal

ALG, LENGTH = "ML-DSA-44", 2420


def name(role: Role) -> str:
    """The member of a bundle."""
    return f"{role}.pq.jws"


def check(role: Role, given: Given) -> None:
    """It covers what that party's seal covers, and the key of the trust list made it.

    Fault `pq-key`, `pq-alone`, `seal-signature` and those of a seal's form and references;
    Doubt `pq-unsupported` where the installed library cannot check it.
    """
    agreement = need(given.agreement, "agreement")
    if f"{role}.jws" not in given.members:
        raise Fault("pq-alone")
    seal = jades.read_bare(contract.text(given.members[name(role)]), ALG, LENGTH)
    contract.check_references(seal, contract.signed_by(role, agreement, given.members), given.members)
    did = agreement.did(role)
    if seal.did != did:
        raise Fault("seal-foreign", did=did, kid=seal.kid)
    jwk = need(given.trust_list, "trust-list").member(did).seal_key_pq
    if jwk is None:
        raise Fault("pq-key", did=did)
    verify(seal, jwk, did)
    if not given.anchors.authority:
        raise Doubt("no-authority")


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
