"""Erased records in a bundle: reported with their rule, never as failed, and never without a tombstone (16.5)."""

import json
from collections.abc import Callable

import msgspec
import pytest

from connector.identity.audit import entry, merkle
from connector.verify.bundle import verify_bundle
from connector.verify.checks import records
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.erased import evidence
from tests.verify.forge import AGREEMENT, Case
from tests.verify.judge import FAILED, PASSED, changed, named, verdicts

Grave = dict[str, object]


def place(log: forge.Log, kind: str) -> int:
    """Where the record of that type about our agreement stands."""
    found = [(at, json.loads(data)) for at, (data, _) in enumerate(log.rows)]
    return next(at for at, record in found if record["type"] == kind and record["agreement"] in (AGREEMENT, None))


def buried(kind: str, seq: int, *, grave: Callable[[Grave], Grave | None] = lambda body: body) -> Report:
    """The report after that record was erased; `grave` changes what the tombstone says, None: there is none."""
    case = Case()
    log = case.log.copy()
    index = place(log, kind)
    body = grave({"index": index, "type": kind, "seq": seq, "ground": "retention-decision", "role": "steward"})
    if body is not None:
        log.add("tombstone", AGREEMENT, body)
    return verify_bundle(changed(case, log=evidence(log, {index: (kind, seq)})), case.roots, "en")


@pytest.mark.parametrize(("kind", "seq"), [("decision", 0), ("transfer", 2)])
def test_an_erased_record_is_reported_and_does_not_fail(kind: str, seq: int) -> None:
    """First or last before the tombstone: PASSED, with the rule, the role, and what cannot be recomputed."""
    report = buried(kind, seq)
    assert report.verdict is PASSED, report.reason
    note = next(note for note in report.notes if note.startswith(f"Record no. {seq} ({kind})"))
    assert 'erased under rule "retention-decision" by steward' in note
    assert "cannot be recomputed" in note


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    "grave",
    [
        lambda _: None,
        lambda body: body | {"index": 0},
        lambda body: body | {"index": True},
        lambda body: body | {"type": "transfer"},
        lambda body: body | {"seq": 1},
        lambda body: {"ground": "none"},
    ],
)
def test_nothing_is_erased_without_its_tombstone(grave: Callable[[Grave], Grave | None]) -> None:
    """An exporter leaves out what speaks against it: without a tombstone for exactly this record that is a failure."""
    assert named(buried("decision", 0, grave=grave)) == ("records", "erased-silently")


@pytest.mark.threat("T54")
def test_an_erased_line_must_stand_in_the_tree_and_in_its_chain() -> None:
    """Another leaf, another place, another number: each is found."""
    case = Case()
    log = case.log.copy()
    index = place(log, "decision")
    log.add("tombstone", AGREEMENT, {"index": index, "type": "decision", "seq": 0, "ground": "x", "role": "y"})
    honest = evidence(log, {index: ("decision", 0)})

    def with_line(change: dict[str, object]) -> Report:
        lines = honest.records.splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if b'"erased"' in line)
        lines[at] = json.dumps(json.loads(lines[at]) | change, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        return verify_bundle(changed(case, log=msgspec.structs.replace(honest, records=b"".join(lines))), case.roots)

    assert with_line({}).verdict is PASSED
    assert named(with_line({"leaf": "0" * 64})) == ("records", "record-proof")
    assert named(with_line({"erased": {"type": "decision", "seq": 1}})) == ("records", "record-gap")
    assert named(with_line({"index": index - 1})) == ("records", "erased-silently")
    types: list[dict[str, object]] = [
        {"erased": {"type": kind, "seq": seq}} for kind, seq in ((1, 0), ("decision", "0"), ("decision", None))
    ]
    for broken in ({"leaf": "0"}, {"erased": {"type": "decision"}}, *types, {"salt": "00"}):
        assert named(with_line(broken)) == ("records", "record-form")


def test_a_tombstone_before_what_it_buries_buries_nothing() -> None:
    """Written in advance, it could hide anything later."""
    case = Case()
    log = forge.Log(case.log.did)
    log.keys, log.witnesses = case.log.keys, case.log.witnesses
    for row in case.log.rows[:10]:
        log.rows.append(row)
    log.heads = {AGREEMENT: (1, entry.digest(log.rows[9][0])), None: (1, entry.digest(log.rows[5][0]))}
    log.add("tombstone", AGREEMENT, {"index": 12, "type": "transfer", "seq": 3, "ground": "x", "role": "y"})
    commitment = json.loads(case.log.rows[10][0])["body"]
    log.add("agreement", AGREEMENT, commitment)
    log.add("transfer", AGREEMENT, {"bytes": 1})
    assert place(log, "transfer") == 12
    report = verify_bundle(changed(case, log=evidence(log, {12: ("transfer", 3)})), case.roots)
    assert named(report) == ("records", "erased-silently")


def test_without_the_agreement_record_nothing_can_be_judged() -> None:
    """It was erased by its rule: the seals still hold, but what the log named is gone."""
    report = buried("agreement", 1)
    assert named(report) is None
    assert report.doubts == ("commitment",)


def test_without_the_key_events_a_withdrawal_could_be_hidden() -> None:
    """The tombstone is honest, but nobody can tell any more whether the key was withdrawn."""
    case = Case()
    log = case.log.copy()
    index = place(log, "key")
    log.add("tombstone", AGREEMENT, {"index": index, "type": "key", "seq": 0, "ground": "x", "role": "y"})
    report = verify_bundle(changed(case, log=evidence(log, {index: ("key", 0)})), case.roots)
    assert named(report) is None
    assert report.doubts == ("commitment", "revocation")


@pytest.mark.parametrize("buried", [0, -1, True, None, "1", [], {}, ["", 0]], ids=str)
def test_a_tombstone_outside_of_any_agreement_for_nothing_here_is_foreign(buried: object) -> None:
    """Whatever it says that it buries."""
    case = Case()
    log = case.log.copy()
    log.add("tombstone", None, {"index": buried, "type": "decision", "seq": 0, "ground": "x", "role": "y"})
    data, salt = log.rows[-1]
    tree = merkle.Tree([merkle.leaf_hash(entry.leaf_data(salt, record)) for record, salt in log.rows])
    more = records.write([(len(log.rows) - 1, data, salt, tree.inclusion(len(log.rows) - 1))])
    whole = log.evidence(AGREEMENT)
    report = verify_bundle(changed(case, log=msgspec.structs.replace(whole, records=whole.records + more)), case.roots)
    assert named(report) == ("records", "record-foreign")


def test_a_tombstone_outside_of_any_agreement_counts_for_what_is_here() -> None:
    """One that belongs to no agreement may be in the bundle if it buries one of its records, and only then."""
    case = Case()
    log = case.log.copy()
    index = place(log, "decision")
    data = entry.encode(
        entry.Record(
            type="tombstone",
            at=forge.NOW * 1000,
            participant=log.did,
            agreement=None,
            seq=0,
            prev=None,
            actor="steward",
            body={"index": index, "type": "decision", "seq": 0, "ground": "x", "role": "y"},
        )
    )
    log.rows.append((data, b"\0" * 32))
    last = len(log.rows) - 1
    log.close(AGREEMENT)
    erased = evidence(log, {index: ("decision", 0)})
    tree = merkle.Tree([merkle.leaf_hash(entry.leaf_data(salt, record)) for record, salt in log.rows])
    more = records.write([(last, data, b"\0" * 32, tree.inclusion(last))])
    both = msgspec.structs.replace(erased, records=erased.records + more)
    assert verify_bundle(changed(case, log=both), case.roots).verdict is PASSED
    alone = msgspec.structs.replace(log.evidence(AGREEMENT), records=log.evidence(AGREEMENT).records + more)
    report = verify_bundle(changed(case, log=alone), case.roots)
    assert named(report) == ("records", "record-foreign")
    assert verdicts(report)["log"] is not FAILED
