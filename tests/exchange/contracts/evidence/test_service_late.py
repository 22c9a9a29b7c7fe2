"""A real contract that was countersigned later: its bundle shows since when each seal was in the log.

The witness says that it saw the first record three minutes ago, which clocks may differ by.
"""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from connector.exchange.contracts.evidence.service import Evidence
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from tests.exchange.contracts.late import Waiting, hand_in, waiting
from tests.exchange.contracts.witnessed import SLUG, cosign, listed
from tests.testkit.towns import Towns
from tests.verify.forge import Witness as Cosigner

AGO_S = 180


async def seen(towns: Towns, evidence: Evidence, cosigner: Cosigner, at: int) -> None:
    """The witness vouches for all that the log holds now."""
    await evidence.seal_log(await towns.participants.get(SLUG))
    await towns.db.write(SLUG, cosign, cosigner, at)


async def countersigned(towns: Towns, evidence: Evidence, cosigner: Cosigner, found: Waiting) -> tuple[int, int]:
    """The one-sided contract is seen, then the countersignature comes and is seen; both times in seconds."""
    now = towns.clock.now() // 1000
    await seen(towns, evidence, cosigner, now - AGO_S)
    await hand_in(towns, found)
    await seen(towns, evidence, cosigner, now)
    return now - AGO_S, now


async def test_a_late_countersignature_leaves_the_providers_seal_its_time(towns: Towns, tmp_path: Path) -> None:
    """>> one-sided, seen; then both, seen << two times, one for each seal, and the bundle passes."""
    found = await waiting(towns, countersignature="preferred")
    cosigner = Cosigner()
    evidence, roots = await listed(towns, tmp_path, cosigner)
    first, second = await countersigned(towns, evidence, cosigner, found)
    bundle = await evidence.bundle(SLUG, found.agreement)
    assert "first.checkpoint" in zipfile.ZipFile(BytesIO(bundle)).namelist()
    report = verify_bundle(bundle, roots, "en")
    assert report.verdict.name == "PASSED", report.reason
    assert report.value("")["sealTimes"] == {"provider": written(first), "consumer": written(second)}


@pytest.mark.threat("T56")
async def test_a_key_withdrawn_before_the_countersignature_came(towns: Towns, tmp_path: Path) -> None:
    """>> the provider withdraws its key in between << its seal is older than that, so the contract still holds."""
    found = await waiting(towns, countersignature="preferred")
    cosigner = Cosigner()
    evidence, _ = await listed(towns, tmp_path, cosigner)
    now = towns.clock.now() // 1000
    await seen(towns, evidence, cosigner, now - AGO_S)
    kid = (await towns.participants.get(SLUG)).seal.kid
    await towns.participants.revoke(SLUG, "seal", (now - AGO_S // 2) * 1000, "key was lost", kid)
    await hand_in(towns, found)
    evidence, roots = await listed(towns, tmp_path, cosigner)
    await seen(towns, evidence, cosigner, now)
    report = verify_bundle(await evidence.bundle(SLUG, found.agreement), roots, "en")
    assert report.verdict.name == "PASSED", report.reason


async def test_one_state_is_enough_where_nobody_saw_the_first(towns: Towns, tmp_path: Path) -> None:
    """Both records came under the eyes of a witness together: there is no earlier time to prove."""
    found = await waiting(towns, countersignature="preferred")
    cosigner = Cosigner()
    evidence, roots = await listed(towns, tmp_path, cosigner)
    await hand_in(towns, found)
    await seen(towns, evidence, cosigner, towns.clock.now() // 1000 + 5)
    bundle = await evidence.bundle(SLUG, found.agreement)
    assert "first.checkpoint" not in zipfile.ZipFile(BytesIO(bundle)).namelist()
    assert verify_bundle(bundle, roots).verdict.name == "PASSED"
