"""What is kept beside a late seal is what the seal was judged by, whatever the partner shows a moment later."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.verify.bundle import verify_bundle
from tests.exchange.contracts.late import HANDED, Broken, broken, order, states
from tests.exchange.contracts.second_seals import evidence
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T60")


def other_document(towns: Towns, slug: str, when: Callable[[], bool]) -> None:
    """This town's DID document names no key any more, to whoever asks for it `when` that holds."""

    def show(did: str, document: Mapping[str, object]) -> Mapping[str, object]:
        return {**document, "assertionMethod": []} if did == towns.did(slug) and when() else document

    towns.wire.show = show


async def test_bug_a_document_changed_while_its_seal_was_checked_failed_the_providers_evidence(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """<< a document without the key, once the seal was judged by the one before >> what is kept is what was judged."""
    found = await broken(towns)
    await order(towns, found)
    asked: list[str] = []
    judged = towns.late_delivery._desk.countersignature

    async def checked(*args: Any) -> Any:
        result = await judged(*args)
        asked.append("judged")
        return result

    monkeypatch.setattr(towns.late_delivery._desk, "countersignature", checked)
    other_document(towns, "nachbardorf", lambda: bool(asked))
    await towns.run()
    assert (asked, await states(towns, found)) == (["judged"], ("finalized", "finalized"))
    assert await failed(towns, tmp_path, "musterstadt", found) is None


async def test_bug_a_provider_without_its_key_failed_the_consumers_evidence(towns: Towns, tmp_path: Path) -> None:
    """>> handed in << taken, and a document without the key of the provider's seal >> the one that was judged stays."""
    found = await broken(towns, countersignature="required")
    await order(towns, found)
    other_document(towns, "musterstadt", lambda: HANDED in towns.wire.sent)
    await towns.run()
    assert await states(towns, found) == ("finalized", "finalized")
    assert await failed(towns, tmp_path, "nachbardorf", found) is None


async def failed(towns: Towns, folder: Path, slug: str, found: Broken) -> object:
    service, roots = await evidence(towns, folder)
    return verify_bundle(await service.bundle(slug, found.agreement), roots, "en").first_failed
