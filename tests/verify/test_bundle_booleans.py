"""`true` is not 1 and `false` is not 0: what every other reader of JSON tells apart is no number here either."""

import json
from typing import Any

import msgspec
import pytest

from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, records, termination
from connector.verify.formats import jcs
from connector.verify.formats.faults import Fault
from tests.verify import endings
from tests.verify.forge import AGREEMENT, Case
from tests.verify.judge import PASSED, changed, named

pytestmark = pytest.mark.threat("T157")


@pytest.mark.parametrize("where", ["index", "seq of a record", "seq of an erased one"])
def test_bug_a_place_in_a_log_is_a_number(where: str) -> None:
    """Bug: >> a line at index `true` << read as the one at index 1."""
    record = {
        "v": 1,
        "type": "t",
        "at": "",
        "participant": "",
        "agreement": None,
        "prev": None,
        "actor": "",
        "body": {},
    }
    logged: dict[str, Any] = {"index": 1, "record": {**record, "seq": 1}, "salt": "0" * 64, "proof": []}
    erased: dict[str, Any] = {"index": 1, "leaf": "0" * 64, "proof": [], "erased": {"type": "t", "seq": 1}}
    lines = {"index": logged, "seq of a record": logged, "seq of an erased one": erased}[where]
    assert records.parse(jcs.encode(lines) + b"\n")
    place = {"index": lines, "seq of a record": lines.get("record"), "seq of an erased one": lines.get("erased")}[where]
    assert isinstance(place, dict)
    place["index" if where == "index" else "seq"] = True
    with pytest.raises(Fault, match="record-form"):
        records.parse(jcs.encode(lines) + b"\n")


def test_bug_a_told_record_counts_in_numbers() -> None:
    """Bug: >> `true` key events << true of a log that has one."""
    case = Case()
    case.log.tell(AGREEMENT, keys=True)
    assert named(verify_bundle(changed(case, log=case.log.evidence(AGREEMENT)), case.roots)) == ("told", "told-untrue")


def test_bug_a_manifest_states_sizes_in_numbers(case: Case) -> None:
    """Bug: >> a file of one byte, whose size is `true` << as it was listed."""
    parts = msgspec.structs.replace(case.parts, more={"text-de.pdf": b"x"})
    assert verify_bundle(changed(case, more=parts.more), case.roots).verdict is PASSED

    def twisted(manifest: bytes) -> bytes:
        value = json.loads(manifest)
        for row in value["members"]:
            row["size"] = True if row["size"] == 1 else row["size"]
        return jcs.encode(value)

    members = dict(archive.members(changed(case, more=parts.more)))
    members["manifest.json"] = twisted(members["manifest.json"])
    members["manifest.jws"] = case.seal_manifest(members["manifest.json"]).encode()
    assert named(verify_bundle(export.pack(members), case.roots)) == ("manifest", "manifest-form")


def test_bug_a_version_is_a_number(case: Case) -> None:
    """Bug: >> `"v": true` in a statement of an end << version 1."""
    about = endings.digest(case.parts.agreement)
    assert termination._read(endings.statement(case), "provider", about)
    with pytest.raises(Fault, match="termination-form"):
        termination._read(endings.statement(case, v=True), "provider", about)
