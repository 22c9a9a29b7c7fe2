"""Bundles of who has all the keys of its side: each is sealed and logged anew, so that only what it says is wrong."""

import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.checks import archive, contract
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url, jcs
from tests.verify.endings import digest, statement
from tests.verify.forge import AGREEMENT, CONSUMER, NOW, PROVIDER, Case, Log, SealKey, root_of
from tests.verify.judge import changed

Twist = Callable[[dict[str, object]], bytes]
"""The header of the provider's seal over the contract, written anew."""


class Made(Case):
    """A contract whose agreement, approvals or provider's seal say something else, sealed by both and logged so."""

    def __init__(
        self,
        case: Case,
        agreement: Mapping[str, object] | bytes | None = None,
        approvals: Mapping[str, bytes] | None = None,
        twist: Twist | None = None,
        before: Mapping[str, object] | None = None,
        **objects: bytes,
    ) -> None:
        """Under the authority of `case`. `before` is the body of an agreement record in front of the true one;
        `objects` as in `Case.make`.
        """
        self._said, self._approvals, self._twist, self._before = agreement, approvals or {}, twist, before
        self._objects = {
            "text": b"<!DOCTYPE html><title>x</title>",
            "profile": b'{"a":1}',
            "dataset": b'{"b":1}',
            **objects,
        }
        super().__init__(ca=case.ca, authority=case.authority)

    def make(self, title: str = "", **_: bytes) -> export.EvidenceParts:
        whole = {"@id": AGREEMENT, "@type": "Agreement", "assigner": PROVIDER, "assignee": CONSUMER}
        said = self._said if isinstance(self._said, Mapping) else {}
        agreement = self._said if isinstance(self._said, bytes) else jcs.encode({**whole, **said})
        approvals = {role: jcs.encode(approval(role)) for role in contract.ROLES} | dict(self._approvals)
        common = {"provider_root": root_of(PROVIDER), **self._objects}
        references = sealing.references(
            agreement, AGREEMENT, signer_root=root_of(PROVIDER), approval=approvals["provider"], **common
        )
        provider = self.seal(self.provider, references)
        if self._twist is not None:
            provider = twisted(provider, self.provider, self._twist)
        references = sealing.references(
            agreement,
            AGREEMENT,
            signer_root=root_of(CONSUMER),
            approval=approvals["consumer"],
            provider_jws=provider,
            **common,
        )
        consumer = self.seal(self.consumer, references)
        documents = [jcs.encode(key.document()) for key in (self.provider, self.consumer)]
        if self._before is not None:
            self.log.add("agreement", AGREEMENT, self._before)
        self._record(agreement, provider, consumer, documents)
        return export.EvidenceParts(
            agreement=agreement,
            approval_provider=approvals["provider"],
            approval_consumer=approvals["consumer"],
            provider_jws=provider,
            consumer_jws=consumer,
            provider_document=documents[0],
            consumer_document=documents[1],
            trust_list=self.listed(),
            log=self.log.evidence(AGREEMENT),
            **self._objects,
        )


def approval(role: str, **change: object) -> dict[str, object]:
    """As a person gives it."""
    usual = {
        "at": written(NOW),
        "mandate": None,
        "onBehalfOf": PROVIDER if role == "provider" else CONSUMER,
        "pseudonym": "p-7f3a91",
        "role": "steward",
        "rule": "r",
        "side": role,
    }
    return {**usual, **change}


def twisted(token: str, key: SealKey, twist: Twist) -> str:
    """The seal under another header, signed by its own key."""
    head = base64url.encode(twist(json.loads(base64url.decode(token.partition(".")[0]))))
    return f"{head}..{base64url.encode(key.sign(f'{head}.'.encode()))}"


def headed(**change: object) -> Twist:
    return lambda header: jcs.encode({**header, **change})


def manifest(case: Case, **change: object) -> bytes:
    """The honest files under a list of files that says something else."""
    members = archive.members(case.bundle())
    listed = jcs.encode({**json.loads(members["manifest.json"]), **change})
    sealed = case.seal_manifest(listed).encode()
    return export.pack({**members, "manifest.json": listed, "manifest.jws": sealed})


def logged(case: Case, **change: object) -> bytes:
    """One record more, whose members are others; `agreement` says to which chain it belongs."""
    log = case.log.copy()
    seq, prev = log.heads[AGREEMENT]
    usual = {
        "v": 1,
        "type": "decision",
        "at": written(NOW),
        "participant": log.did,
        "agreement": AGREEMENT,
        "seq": seq,
        "prev": prev,
        "actor": "system",
        "body": {},
    }
    data = jcs.encode({**usual, **change})
    log.heads[AGREEMENT] = (seq + 1, sha256(data).hexdigest())
    log.rows.append((data, os.urandom(32)))
    return changed(case, log=log.evidence(AGREEMENT))


def ended(
    case: Case,
    role: str = "provider",
    *,
    signer: SealKey | None = None,
    at: int = NOW + 100,
    record: Mapping[str, object] | None = None,
    swapped: bool = False,
    log: Log | None = None,
    **said: object,
) -> bytes:
    """An end; `record` are other members of its record, `said` of the statement, `swapped`: digests in each other's
    place."""
    key = signer or (case.provider if role == "provider" else case.consumer)
    text = statement(case, role, **{"at": written(at), "notice": None, **said})
    found = sealing.Reference(sealing.address(root_of(key.did), text), text, "application/json")
    whole = sealing.Reference(AGREEMENT, case.parts.agreement, "application/json")
    token = case.seal(key, [whole, found], at).encode()
    names = ("jws", "statement") if swapped else ("statement", "jws")
    body = {"event": "stated", "by": role, names[0]: digest(text), names[1]: digest(token), **(record or {})}
    rows = case.log.copy() if log is None else log
    rows.at = max(at, NOW)
    rows.add("termination", AGREEMENT, body)
    case.witness.at = rows.at + 60
    files = {f"termination-{role}.json": text, f"termination-{role}.jws": token}
    return changed(case, log=rows.evidence(AGREEMENT), more=files)
