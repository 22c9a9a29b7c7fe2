"""A bundle of a log that witnesses saw: the contract has their time, and what came later is proven besides."""

import zipfile
from io import BytesIO
from pathlib import Path

from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from tests.exchange.contracts.witnessed import SLUG, cosign, listed
from tests.testkit.towns import Towns
from tests.verify.forge import Witness as Cosigner


async def test_the_first_state_that_was_seen_gives_the_time(towns: Towns, tmp_path: Path) -> None:
    """>> conclude, cosign, conclude another, cosign, bundle << PASSED at the first time, later records proven too."""
    agreement = await towns.concluded("nachbardorf", SLUG)
    moment = towns.clock.now() // 1000 + 5
    cosigner = Cosigner()
    evidence, roots = await listed(towns, tmp_path, cosigner)

    hosted = await towns.participants.get(SLUG)
    await evidence.seal_log(hosted)
    size = await towns.db.write(SLUG, cosign, cosigner, moment)
    plain = await evidence.bundle(SLUG, agreement.id)
    told = zipfile.ZipFile(BytesIO(plain)).read("records.checkpoint")
    assert told.startswith(f"old {size}\n".encode()), "the state that the record closes which tells how far it goes"
    assert verify_bundle(plain, roots).verdict.name == "PASSED"

    await towns.concluded("nachbardorf", SLUG)
    await evidence.seal_log(hosted)
    assert await towns.db.write(SLUG, cosign, cosigner, moment + 120) > size
    await towns.concluded("nachbardorf", SLUG)
    later = await evidence.bundle(SLUG, agreement.id)
    members = zipfile.ZipFile(BytesIO(later))
    assert members.read("records.checkpoint").startswith(f"old {size}\n".encode())
    report = verify_bundle(later, roots)
    assert report.verdict.name == "PASSED", report.reason
    assert report.stated["trusted_time"] == written(moment)


async def test_a_state_that_too_few_saw_gives_no_time(towns: Towns, tmp_path: Path) -> None:
    """Past bug: with four operators two must vouch; a bundle led to the first state with any, and was not passed."""
    agreement = await towns.concluded("nachbardorf", SLUG)
    moment = towns.clock.now() // 1000 + 5
    four = [Cosigner(f"did:web:betrieb-{at}.example") for at in range(4)]
    evidence, roots = await listed(towns, tmp_path, *four)
    hosted = await towns.participants.get(SLUG)
    await evidence.seal_log(hosted)
    await towns.db.write(SLUG, cosign, four[0], moment)
    alone = verify_bundle(await evidence.bundle(SLUG, agreement.id), roots)
    assert (alone.verdict.name, alone.doubts) == ("INDETERMINATE", ("time",))

    await towns.concluded("nachbardorf", SLUG)
    await evidence.seal_log(hosted)
    await towns.db.write(SLUG, cosign, four[1], moment + 120)
    size = await towns.db.write(SLUG, cosign, four[2], moment + 180)
    await towns.concluded("nachbardorf", SLUG)
    later = await evidence.bundle(SLUG, agreement.id)
    assert zipfile.ZipFile(BytesIO(later)).read("records.checkpoint").startswith(f"old {size}\n".encode())
    report = verify_bundle(later, roots)
    assert report.verdict.name == "PASSED", report.reason
    assert report.stated["trusted_time"] == written(moment + 180)
