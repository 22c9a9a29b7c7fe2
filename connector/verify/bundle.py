"""Verifies an evidence bundle offline: bytes and trusted anchors in, a report out (contracts.md 15).

Nothing in the bundle vouches for itself. Without anchors the verdict is "cannot judge", never "passed".
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from connector.verify import anchors as trust
from connector.verify import archive, checkpoint, contract, merkle, owner, records, trustlist
from connector.verify.anchors import Anchors
from connector.verify.contract import Agreement, Members, Role
from connector.verify.examination import Examination, attempt, need
from connector.verify.faults import Doubt, Fault
from connector.verify.jades import Seal
from connector.verify.records import Logged, Proof
from connector.verify.report import Report
from connector.verify.trustlist import TrustList

VERSION = "0.1.0"
Documents = Mapping[str, Mapping[str, object]]


def verify_bundle(data: bytes, roots_pem: bytes | None, lang: str = "de") -> Report:
    """The report on a bundle; `roots_pem` holds the anchors and comes from outside the bundle. Raises nothing."""
    exam = Examination(lang)
    members = exam.run("archive", archive.members, data)
    if members is not None:
        exam.run("manifest", contract.check_manifest, members)
        anchors = exam.run("anchors", _anchors, roots_pem) or attempt(trust.parse, roots_pem) or Anchors()
        _examine(exam, members, anchors)
        exam.note("tool", version=VERSION)
        for fingerprint in anchors.fingerprints():
            exam.note("anchor", fingerprint=fingerprint)
        exam.note("unproven")
    return exam.report()


def _examine(exam: Examination, members: Members, anchors: Anchors) -> None:
    trust_list = attempt(trustlist.parse, members["trust-list.jws"])
    exam.run("trust-list", _check_trust_list, members, anchors)
    agreement = exam.run("agreement", contract.parse_agreement, members["agreement.json"])
    documents = exam.run("documents", _documents, agreement, members)
    roles: tuple[Role, ...] = ("provider", "consumer")
    seals = {
        role: exam.run(f"{role}-seal", _check_seal, role, agreement, documents, members, anchors, trust_list)
        for role in roles
    }
    exporter = exam.run("exporter-seal", _check_exporter, agreement, documents, members, anchors, trust_list)
    did = None if exporter is None else exporter.did
    proof = attempt(records.parse_proof, members["agreement.tlog-proof"])
    exam.run("log", _check_log, members, did, trust_list, anchors)
    lines = exam.run("records", _check_records, members, did, agreement, proof)
    exam.run("commitment", _check_commitment, members, lines, agreement, proof, did)
    if seals["provider"] is not None:
        exam.run("time", lambda: None)


def _anchors(roots_pem: bytes | None) -> Anchors:
    found = trust.parse(roots_pem)
    if not found.roots or not found.authority:
        raise Doubt("no-anchors")
    return found


def _check_trust_list(members: Members, anchors: Anchors) -> None:
    trustlist.check(trustlist.parse(members["trust-list.jws"]), anchors.authority)


def _documents(agreement: Agreement | None, members: Members) -> Documents:
    parties = need(agreement, "agreement")
    roles: tuple[Role, ...] = ("provider", "consumer")
    return {
        parties.did(role): contract.parse_document(members[f"did-{role}.json"], parties.did(role)) for role in roles
    }


def _check_seal(
    role: Role,
    agreement: Agreement | None,
    documents: Documents | None,
    members: Members,
    anchors: Anchors,
    trust_list: TrustList | None,
) -> Seal:
    parties = need(agreement, "agreement")
    document = need(documents, "documents")[parties.did(role)]
    return contract.check_seal(role, parties, document, members, anchors, trust_list)


def _check_exporter(
    agreement: Agreement | None,
    documents: Documents | None,
    members: Members,
    anchors: Anchors,
    trust_list: TrustList | None,
) -> Seal:
    parties, known = need(agreement, "agreement"), need(documents, "documents")
    return contract.check_manifest_seal(parties, known, members, anchors, trust_list)


def _check_log(members: Members, exporter: str | None, trust_list: TrustList | None, anchors: Anchors) -> None:
    """The checkpoint is the exporter's log's, signed with a key that the trust list names for it."""
    proof = records.parse_proof(members["agreement.tlog-proof"])
    did = need(exporter, "exporter-seal")
    log, _, epoch = proof.checkpoint.origin.rpartition("/")
    if f"https://{log}" != f"{owner.root_of(did)}/log" or not epoch.isdecimal():
        raise Fault("log-origin", origin=proof.checkpoint.origin)
    checkpoint.check(proof.checkpoint, need(trust_list, "trust-list").member(did).log_keys)
    if not anchors.authority:
        raise Doubt("no-authority")


def _check_records(
    members: Members, exporter: str | None, agreement: Agreement | None, proof: Proof | None
) -> Sequence[Logged]:
    """Every record is the exporter's, belongs here, stands in the tree, and none is missing between two."""
    lines = records.parse(members["records.ndjson"])
    iri, did = need(agreement, "agreement").iri, need(exporter, "exporter-seal")
    for line in lines:
        about, kind = line.record["agreement"], line.record["type"]
        if line.record["participant"] != did or not (about == iri or (about is None and kind == "key")):
            raise Fault("record-foreign", index=line.index)
    records.check_chain([line for line in lines if line.record["agreement"] == iri])
    records.check_chain([line for line in lines if line.record["agreement"] is None])
    records.check_proofs(lines, need(proof, "log").checkpoint)
    return lines


def _check_commitment(
    members: Members,
    lines: Sequence[Logged] | None,
    agreement: Agreement | None,
    proof: Proof | None,
    exporter: str | None,
) -> None:
    """The newest agreement record names exactly this agreement, these seals and these DID documents."""
    found = [line for line in need(lines, "records") if line.record["type"] == "agreement"]
    if not found:
        raise Fault("commitment-missing")
    newest, where = found[-1], need(proof, "log")
    tree = where.checkpoint
    if where.index != newest.index or not merkle.verify_inclusion(
        newest.leaf, where.index, tree.size, where.path, tree.root
    ):
        raise Fault("log-proof")
    for member, name in _COMMITTED.items():
        if newest.body.get(member) != _digest(members, name):
            raise Fault("commitment", name=name)
    parties = need(agreement, "agreement")
    own = "did-provider.json" if exporter == parties.provider else "did-consumer.json"
    _check_key_head(newest, need(lines, "records"), _digest(members, own))
    _check_current(need(lines, "records"), _digest(members, archive.ROTATED))


_COMMITTED = {
    "agreement": "agreement.json",
    "providerJws": "provider.jws",
    "consumerJws": "consumer.jws",
    "providerDidDocument": "did-provider.json",
    "consumerDidDocument": "did-consumer.json",
}


def _check_key_head(newest: Logged, lines: Sequence[Logged], document: str | None) -> None:
    """The key event that the record names is here and stands for the exporter's DID document."""
    head = newest.body.get("keyHead")
    if head is None:
        return
    event = next((line for line in lines if line.record["agreement"] is None and line.digest == head), None)
    if event is None or event.body.get("document") != document:
        raise Fault("key-head")


def _check_current(lines: Sequence[Logged], document: str | None) -> None:
    """The exporter's document at the time of the export, if it is here, is one that a key event of its log names."""
    named = {line.body.get("document") for line in lines if line.record["agreement"] is None}
    if document is not None and document not in named:
        raise Fault("commitment", name=archive.ROTATED)


def _digest(members: Members, name: str) -> str | None:
    return sha256(members[name]).hexdigest() if name in members else None
