"""The bundle of a contract that was ended, from the product's own log: what its exporter could leave out is found."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import contract
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.exchange.contracts.ending import CONSUMER, PROVIDER, end
from tests.exchange.contracts.witnessed import cosign, listed
from tests.testkit.towns import Towns
from tests.verify.forge import Witness as Cosigner

pytestmark = pytest.mark.threat("T68")
ENDING = ("termination-provider.json", "termination-provider.jws")
Members = dict[str, bytes]


def opened(bundle: bytes) -> Members:
    with zipfile.ZipFile(BytesIO(bundle)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


async def sealed_anew(towns: Towns, members: Members) -> bytes:
    """Under a list of files that the exporter seals again with its own key."""
    rest = {name: body for name, body in members.items() if name not in ("manifest.json", "manifest.jws")}
    manifest = jcs.encode({**json.loads(members["manifest.json"]), "members": contract.manifest_rows(rest)})
    me = sealer(await towns.participants.get(PROVIDER))
    reference = sealing.Reference(sealing.address(me.root, manifest), manifest, "application/json")
    jws = sealing.sign([reference], me.key, me.chain, towns.clock.now() // 1000)
    return export.pack({**rest, "manifest.json": manifest, "manifest.jws": jws.encode()})


async def test_an_end_cannot_be_taken_out_of_what_was_exported(towns: Towns, tmp_path: Path) -> None:
    """>> end, export << PASSED with the end; without it, or without the last records: never PASSED."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    evidence, roots = await listed(towns, tmp_path, cosigner := Cosigner())
    await evidence.seal_log(await towns.participants.get(PROVIDER))
    await towns.db.write(PROVIDER, cosign, cosigner, towns.clock.now() // 1000 + 5)
    before = verify_bundle(await evidence.bundle(PROVIDER, agreement.id), roots, "en")
    assert (before.verdict.name, "provider-ending" in str(before.checks)) == ("PASSED", False)
    await end(towns, PROVIDER, agreement)
    await towns.run()
    members = opened(await evidence.bundle(PROVIDER, agreement.id))

    async def judged(records: bytes, kept: Members) -> Report:
        return verify_bundle(await sealed_anew(towns, {**kept, "records.ndjson": records}), roots, "en")

    whole = members["records.ndjson"]
    report = await judged(whole, members)
    assert report.verdict.name == "PASSED", report.reason
    assert next(one for one in report.checks if one.name == "provider-ending").verdict.name == "PASSED"
    without = {name: body for name, body in members.items() if name not in (*ENDING, "did-termination-provider.json")}
    assert (await judged(whole, without)).doubts == ("provider-ending",)
    lines = whole.splitlines(keepends=True)
    for left in range(1, len(lines)):
        assert (await judged(b"".join(lines[:left]), without)).verdict.name == "FAILED"
    for gone in range(len(lines)):
        rest = b"".join(line for at, line in enumerate(lines) if at != gone)
        assert (await judged(rest, without)).verdict.name != "PASSED"


async def test_each_side_tells_and_both_agree(towns: Towns, tmp_path: Path) -> None:
    """>> both export after the end << laid beside each other they say the same; the copy of before speaks of no end,
    and is not said to hide it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    evidence, roots = await listed(towns, tmp_path, Cosigner())
    early = await evidence.bundle(PROVIDER, agreement.id)
    await end(towns, PROVIDER, agreement)
    await towns.run()
    ours, theirs = [await evidence.bundle(slug, agreement.id) for slug in (PROVIDER, CONSUMER)]
    for first, second in ((ours, theirs), (theirs, ours), (ours, early)):
        report = verify_bundle(first, roots, "en", beside=second)
        assert report.holds_apart_from_time, report.reason
        assert "beside" in {check.name for check in report.checks}
    report = verify_bundle(early, roots, "en", beside=theirs)
    assert [check.code for check in report.checks if check.name == "beside"] == ["beside-since-here"]


@pytest.mark.on_both
async def test_partners_that_ask_often_do_not_make_the_log_grow(towns: Towns, tmp_path: Path) -> None:
    """>> eight bundles in a minute << the log has one record more than before, and the seal over it is one."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    evidence, _ = await listed(towns, tmp_path, Cosigner())
    found = {await evidence.bundle(PROVIDER, agreement.id) for _ in range(8)}
    assert len(found) == 1
    sql = "SELECT 1 FROM audit_entry WHERE participant = :participant AND type = 'told'"
    assert len(await towns.rows(PROVIDER, sql)) == 1
