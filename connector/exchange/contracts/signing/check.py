"""What a seal that lies here is worth: pure functions of what was gathered, and of the time.

The consumer seals by itself only what it would have written itself (`automatic_seal`); anything else a person reads
first. The provider takes a countersignature only if every verifier would (spec/contracts.md 3.1, 3.4).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cryptography import x509

from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.agreement.agreements import STRAY_MS
from connector.exchange.contracts.document import automatic_seal, draft, sealing, second_seal
from connector.exchange.contracts.document.automatic_seal import Own, Unsigned
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.foundation.clock import rfc3339
from connector.foundation.errors import PeerError
from connector.foundation.language.reasons import Reason, because, explained
from connector.verify.checks import log_times, mandate
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import chain, jades, jcs, key_binding
from connector.verify.formats.faults import Fault

_SIDES = {name: side for side, name in draft.APPROVAL.items()}


class Trust(NamedTuple):
    """What says whose key made a seal of `did`, as it was when we looked.

    `listed` are the SHA-256 (hex) of its certificates, `second_keys` its keys for second seals, by the trust list.
    """

    did: str
    document: Mapping[str, Any]
    roots: Sequence[x509.Certificate]
    listed: Sequence[str]
    second_keys: Sequence[Mapping[str, str]]


class SealedContract(NamedTuple):
    """As consumer: a contract that the provider has sealed. `objects` are references 2 to 5 by name.

    `claim` is the provider's second seal if it gave one, `root` our own, `documents` both DID documents. `read` is
    the digest of what a person has read (`automatic_seal.digest`); None if nobody had to.
    """

    own: Own
    jws: str
    seal: jades.Seal
    objects: Mapping[str, EvidenceObject]
    claim: EvidenceObject | None
    documents: tuple[EvidenceObject, ...]
    trust: Trust
    root: str
    read: str | None


class ReceivedCountersignature(NamedTuple):
    """As provider: the consumer's seal under a contract of ours. `objects` are those of the contract by name, with
    the consumer's approval; the rest as in `SealedContract`."""

    case: NegotiationRow
    agreement: Agreement
    jws: str
    seal: jades.Seal
    objects: Mapping[str, EvidenceObject]
    documents: tuple[EvidenceObject, ...]
    trust: Trust
    root: str


class Unsealed(NamedTuple):
    """The provider sealed nothing, so there is nothing to countersign."""

    documents: tuple[EvidenceObject, ...]


class Refused(NamedTuple):
    """It is not what it should be, and nobody need read it; `code` is that of the fault."""

    code: str
    reason: Reason


class MustRead(NamedTuple):
    """It is not what we would have written: a person has to read `objects` (decisions 0027 and 0045)."""

    code: str
    objects: tuple[EvidenceObject, ...]


class Sealable(NamedTuple):
    """What our key is to sign, at `iat` (seconds), and what is kept with the seal.

    `second_fault` says why the provider's second seal is not among it; empty if it gave none, or a good one.
    """

    covered: Sequence[sealing.Reference]
    iat: int
    objects: tuple[EvidenceObject, ...]
    second_fault: str


class Second(NamedTuple):
    """The partner's second seal as it is kept, if it gave one that may hold; else why not, if it gave one."""

    objects: tuple[EvidenceObject, ...] = ()
    fault: str = ""


class ValidCountersignature(NamedTuple):
    """The consumer's countersignature, made at `iat` (seconds): what it covers, its approval, both DID documents."""

    covered: Sequence[sealing.Reference]
    iat: int
    objects: tuple[EvidenceObject, ...]
    trust: Trust

    def second(self, claim: EvidenceObject | None) -> Second:
        """What the consumer gave as its second seal beside this one."""
        return _second(claim, "consumer", self.covered, self.iat, self.trust)


def contract(found: SealedContract | Unsealed | Refused, now: int) -> Sealable | MustRead | Unsealed | Refused:
    """Whether we countersign; `now` (ms) is the time that our seal will claim."""
    if not isinstance(found, SealedContract):
        return found
    try:
        return _contract(found, now)
    except (Fault, PeerError) as fault:
        return refused(fault)


def countersignature(found: ReceivedCountersignature | Refused, now: int) -> ValidCountersignature | Refused:
    """Whether the consumer's seal holds."""
    if isinstance(found, Refused):
        return found
    try:
        return _countersignature(found, now)
    except (Fault, PeerError) as fault:
        return refused(fault)


def refused(fault: Fault | PeerError) -> Refused:
    return Refused(fault.code, explained(fault) if isinstance(fault, PeerError) else _why(fault))


def _why(fault: Fault) -> Reason:
    kind, _, what = fault.code.partition("-")
    if kind == "mandate":
        return because(f"mandates.partner-{what}", **fault.facts)
    return because("contracts.seal-invalid", code=fault.code)


def _contract(found: SealedContract, now: int) -> Sealable | MustRead:
    case = found.own.known.case
    sealed = _provider_seal(found, now)
    _entitled("provider", found.objects[draft.APPROVAL["provider"]].body, found.trust, found.seal.iat)
    code = _unread(found)
    if code is not None:
        return MustRead(code, (*found.objects.values(), *found.documents))
    did = found.own.known.consumer.did
    mine = draft.approval(did, "consumer", case.offer, rfc3339(now), case.approval, found.own.known.agent)
    covered = sealing.countersigned(
        sealed,
        provider_root=key_binding.root_of(found.trust.did),
        signer_root=found.root,
        approval=mine.body,
        provider_jws=found.jws,
    )
    theirs = _second(found.claim, "provider", sealed, found.seal.iat, found.trust)
    kept = (*found.objects.values(), mine, *theirs.objects, *found.documents)
    return Sealable(covered, now // 1000, kept, theirs.fault)


def _provider_seal(found: SealedContract, now: int) -> list[sealing.Reference]:
    """What it covers, if it holds; raises Fault or PeerError."""
    agreement = found.own.known.agreement
    for item in found.objects.values():
        _as_addressed(item)
    bodies = zip(found.seal.pars, (agreement.document, *(item.body for item in found.objects.values())), strict=True)
    _holds(found.jws, dict(bodies), found.trust, now)
    _dated(found.seal, found.own.engine.signed_at(agreement.policy) // 1000)
    root = key_binding.root_of(found.trust.did)
    covered = _covered(agreement, found.objects, root, root, found.objects[draft.APPROVAL["provider"]])
    _exactly(found.seal, covered, found.own.known.case.created_at, now)
    automatic_seal.wordless(found.seal, found.trust.roots)
    return covered


def _unread(found: SealedContract) -> str | None:
    """Why this is not to be sealed now, as a catalogue key; None: it is. Unsigned for what nobody need read."""
    agreement = found.own.known.agreement
    theirs = {automatic_seal.AGREEMENT: agreement.document, **{name: one.body for name, one in found.objects.items()}}
    automatic_seal.subject(agreement, theirs)
    if found.read is not None:
        return None if found.read == automatic_seal.digest(theirs) else "contracts.other-text-read"
    objections = automatic_seal.objections(found.own, theirs)
    return objections[0].code if objections else None


def _countersignature(found: ReceivedCountersignature, now: int) -> ValidCountersignature:
    did, at = found.trust.did, rfc3339(found.seal.iat * 1000)
    approval = found.objects[draft.APPROVAL["consumer"]]
    _as_addressed(approval)
    if not approvals.as_ours(approval.body, did, "consumer", found.case.offer, at):
        raise Unsigned("contracts.approval")
    signer_root, provider_jws = key_binding.root_of(did), found.agreement.provider_jws
    covered = _covered(found.agreement, found.objects, found.root, signer_root, approval, provider_jws=provider_jws)
    _exactly(found.seal, covered, found.case.created_at, now)
    automatic_seal.wordless(found.seal, found.trust.roots)
    _holds(found.jws, {one.par: one.body for one in covered}, found.trust, now)
    _entitled("consumer", approval.body, found.trust, found.seal.iat)
    return ValidCountersignature(covered, found.seal.iat, (approval, *found.documents), found.trust)


def _second(
    claim: EvidenceObject | None, role: second_seal.Side, covered: Sequence[sealing.Reference], iat: int, trust: Trust
) -> Second:
    """`covered` and `iat` (seconds) are those of the first seal. One that does not hold delays nothing."""
    if claim is None:
        return Second()
    try:
        second_seal.check(claim.body, covered, trust.did, iat, trust.second_keys)
    except Fault as fault:
        return Second(fault=fault.code)
    return Second((second_seal.taken(claim, role),))


def _entitled(side: str, approval: bytes, trust: Trust, iat: int) -> None:
    """Whoever acted for the signer might when it sealed (`iat`, seconds), and may as its document stands now; Fault.

    A verifier reads a mandate in a canonical approval alone, so in any other spelling there is none.
    """
    carried = approvals.agent_of(approval, side)
    if carried is not None and not jcs.is_canonical(approval):
        raise Fault("mandate-form")
    mandate.check(
        carried,
        did=trust.did,
        document=trust.document,
        at=iat,
        action="negotiate",
        roots=trust.roots,
        listed=trust.listed,
    )


def _as_addressed(item: EvidenceObject) -> None:
    """It has the hash that its address says; an approval is one of that side."""
    if sealing.digest(item.body) != item.sha256:
        raise Unsigned("contracts.object-hash", name=item.name)
    if item.name in _SIDES:
        approvals.check(item.body, _SIDES[item.name])


def _covered(
    agreement: Agreement,
    objects: Mapping[str, EvidenceObject],
    root: str,
    signer_root: str,
    approval: EvidenceObject,
    provider_jws: str | None = None,
) -> list[sealing.Reference]:
    """What a seal must refer to, in the order and with the media types that every verifier asks for."""
    return sealing.references(
        agreement.document,
        agreement.id,
        provider_root=root,
        signer_root=signer_root,
        text=objects[draft.TEXT].body,
        profile=objects[draft.PROFILE].body,
        dataset=objects[draft.DATASET].body,
        approval=approval.body,
        provider_jws=provider_jws,
    )


def _holds(jws: str, bodies: Mapping[str, bytes], trust: Trust, now: int) -> None:
    """When it says that it was made, and now: nobody else saw it earlier, so an auditor asks for both."""
    seal = jades.check(jws, bodies, did=trust.did, document=trust.document, roots=trust.roots, listed=trust.listed)
    chain.check(seal.chain, trust.roots, at=now // 1000)


def _exactly(seal: jades.Seal, expected: Sequence[sealing.Reference], begin: int, now: int) -> None:
    """Over other objects or from another time it would hold here, not in the bundle: its signer could disown it."""
    if not (begin - STRAY_MS) // 1000 <= seal.iat <= now // 1000 + SKEW_S:
        raise Fault("time-order", claimed=written(seal.iat), at=written(now // 1000))
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def _dated(seal: jades.Seal, said: int) -> None:
    """The agreement bears about the date (seconds) of the seal over it, as every verifier asks."""
    if not -log_times.WAITS_S <= said - seal.iat <= log_times.STRAY_S:
        raise Fault("time-order", claimed=written(seal.iat), at=written(said))
