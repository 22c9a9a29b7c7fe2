"""The evidence bundle from the services: complete for both sides, partial where one signature is missing."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.exchange.contracts.document import pdf
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.language import say
from connector.identity.participants.service import Hosted
from connector.kernel.protocol.messages import HANSE
from connector.verify.bundle import verify_bundle
from tests.exchange.contracts.auditor import auditor
from tests.testkit.towns import Towns

SEAL = f"{HANSE}agreementSignature"


@pytest.mark.parametrize("slug", ["musterstadt", "nachbardorf"])
async def test_a_whole_contract_passes(towns: Towns, tmp_path: Path, slug: str) -> None:
    """>> bundle of either side << PASSED, by the verifier that knows nothing of us."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    evidence, roots = await auditor(towns, tmp_path)
    report = verify_bundle(await evidence.bundle(slug, agreement.id), roots, "de")
    assert report.holds_apart_from_time, report.reason


async def test_a_bundle_has_the_text_for_people_too(towns: Towns, tmp_path: Path) -> None:
    """>> bundle of either side << an English translation that says so, and a PDF, the same from both."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    evidence, roots = await auditor(towns, tmp_path)
    found = []
    for slug in ("musterstadt", "nachbardorf"):
        bundle = await evidence.bundle(slug, agreement.id)
        assert verify_bundle(bundle, roots, "de").holds_apart_from_time
        archive = zipfile.ZipFile(BytesIO(bundle))
        english, german = archive.read("text-en.html").decode(), archive.read("text-de.html").decode()
        assert say("contract.text.translation", "en") in english
        assert 'lang="en"' in english
        for part in (agreement.id, "Musterstadt", "Nachbardorf", agreement.dataset):
            assert part in english
            assert part in german
        found.append((english, archive.read("text-de.pdf")))
    assert found[0] == found[1]
    assert found[0][1].startswith(b"%PDF-")


async def test_what_cannot_be_translated_or_printed_is_left_out(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> no words for a clause, no extra for the PDF << a bundle with the German text alone, as good as any other."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    evidence, roots = await auditor(towns, tmp_path)
    monkeypatch.setattr(towns.engine, "clauses", lambda *_: [])
    monkeypatch.setattr(pdf, "members", lambda _: {})
    bundle = await evidence.bundle("musterstadt", agreement.id)
    assert not {"text-en.html", "text-de.pdf"} & set(zipfile.ZipFile(BytesIO(bundle)).namelist())
    assert verify_bundle(bundle, roots, "de").holds_apart_from_time


async def test_one_signature_is_indeterminate(towns: Towns, tmp_path: Path) -> None:
    """>> bundle of a contract that was never countersigned << INDETERMINATE, with the reason."""

    def without(message: dict[str, Any]) -> None:
        del message[SEAL]

    towns.wire.bend["ContractAgreementVerificationMessage"] = without
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    evidence, roots = await auditor(towns, tmp_path)
    report = verify_bundle(await evidence.bundle("musterstadt", agreement.id), roots, "de")
    assert report.verdict.name == "INDETERMINATE", report.reason


async def test_an_old_contract_passes_after_every_key_was_rotated(towns: Towns, tmp_path: Path) -> None:
    """>> rotate peer, seal and log keys of both << PASSED still: the old keys stay verification methods."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    before, _ = await auditor(towns, tmp_path)
    await before.bundle("musterstadt", agreement.id)
    for slug in ("musterstadt", "nachbardorf"):
        await towns.participants.rotate(slug, "peer")
        await towns.participants.rotate(slug, "seal")
        await towns.participants.rotate(slug, "log")
    evidence, roots = await auditor(towns, tmp_path)
    for slug in ("musterstadt", "nachbardorf"):
        bundle = await evidence.bundle(slug, agreement.id)
        report = verify_bundle(bundle, roots, "de")
        assert report.holds_apart_from_time, report.reason
        assert "did-exporter.json" in zipfile.ZipFile(BytesIO(bundle)).namelist()


async def test_a_document_that_no_key_event_names_is_no_excuse(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a bundle whose current DID document stands in no log << FAILED, naming that member."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    evidence, roots = await auditor(towns, tmp_path)
    hosted = await towns.participants.get("musterstadt")
    changed = msgspec.structs.replace(hosted, document={**hosted.document, "alsoKnownAs": ["https://evil.example"]})

    async def other(slug: str) -> Hosted:
        return changed

    monkeypatch.setattr(towns.participants, "get", other)
    report = verify_bundle(await evidence.bundle("musterstadt", agreement.id), roots, "de")
    assert report.verdict.name == "FAILED"
    assert "did-exporter.json" in report.reason


async def test_there_is_no_bundle_before_the_end_nor_for_others(towns: Towns, tmp_path: Path) -> None:
    """>> bundle while AGREED << contracts.not-final; >> of an agreement that is not ours << unknown."""
    await towns.add("drittdorf")
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run(rows=2)
    agreement = (await towns.case("nachbardorf", asked.id)).agreement
    assert agreement is not None
    evidence, _ = await auditor(towns, tmp_path)
    with pytest.raises(Mistake, match=r"contracts\.not-final"):
        await evidence.bundle("nachbardorf", agreement)
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await evidence.bundle("drittdorf", agreement)
