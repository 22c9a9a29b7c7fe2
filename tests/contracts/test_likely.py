"""What a consumer can write itself it does not ask for; a guess counts once its hash is the one that was sealed."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.contracts import drafting, likely, store
from connector.contracts.agreements import PATIENCE_MS
from connector.contracts.likely import Guesses
from connector.contracts.model import Agreement, Case
from connector.testing.towns import Towns

PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
ASKED = (drafting.TEXT, drafting.PROFILE, drafting.DATASET)


async def sealed(towns: Towns, **wish: Any) -> tuple[Agreement, Case, dict[str, bytes]]:
    """A contract as the consumer holds it, and what its provider wrote, by name."""
    agreement = await towns.concluded(CONSUMER, PROVIDER, **wish)
    kept = await towns.db.read(CONSUMER, store.objects, CONSUMER, agreement.negotiation)
    return agreement, await towns.case(CONSUMER, agreement.negotiation), {name: kept[name].body for name in ASKED}


async def guessed(
    towns: Towns, agreement: Agreement, case: Case, bodies: dict[str, bytes], *,
    names: dict[str, str] | None = None, patience_ms: int = PATIENCE_MS, known: bool = True,
) -> set[str]:  # fmt: skip
    """The names of those that were guessed to the byte."""
    hosted = await towns.participants.get(CONSUMER)
    listed = {towns.partner(PROVIDER).did: towns.partner(PROVIDER).name, **(names or {})}
    guess = Guesses(towns.judge, lambda did: listed[did], patience_ms).by_consumer(hosted, case, agreement)
    hashes = {name: drafting.evidence_object(name, "", body).sha256 for name, body in bodies.items()}
    here = {hashes[drafting.DATASET]: bodies[drafting.DATASET]} if known else {}
    found = guess(hashes, here)
    assert all(drafting.evidence_object("", "", body).sha256 == sha256 for sha256, body in found.items())
    return {name for name, sha256 in hashes.items() if sha256 in found}


@pytest.mark.parametrize("countersignature", ["required", "preferred", "none"])
async def test_text_and_profile_of_a_usual_contract_need_no_request(towns: Towns, countersignature: str) -> None:
    """<< a contract in our own words, whatever its offer asks for >> both are written here, to the byte."""
    found = await sealed(towns, countersignature=countersignature)
    assert await guessed(towns, *found) == {drafting.TEXT, drafting.PROFILE}


async def test_what_was_written_otherwise_is_asked_for(towns: Towns) -> None:
    """<< another name, another deadline, an unknown snapshot >> no guess, and so a request."""
    found = await sealed(towns)
    did = towns.partner(PROVIDER).did
    assert await guessed(towns, *found, names={did: "Musterstadt am Fluss"}) == {drafting.PROFILE}
    assert await guessed(towns, *found, patience_ms=PATIENCE_MS + 1000) == {drafting.TEXT}
    assert await guessed(towns, *found, known=False) == {drafting.PROFILE}


async def test_a_snapshot_that_cannot_be_read_gives_no_text(towns: Towns) -> None:
    """<< a snapshot that is no JSON, or names no version >> the text is asked for."""
    agreement, case, bodies = await sealed(towns)
    for snapshot in (b"", b"{", b"[]", b"{}", b'{"https://w3id.org/hanse/v1#version":1}'):
        assert await guessed(towns, agreement, case, {**bodies, drafting.DATASET: snapshot}) == {drafting.PROFILE}


async def test_a_text_for_another_purpose_is_not_taken_for_ours(towns: Towns) -> None:
    """<< a text that names another purpose than we asked with >> not what we would write, so it is fetched and read."""
    agreement, case, bodies = await sealed(towns)
    assert await guessed(towns, agreement, replace(case, purpose=""), bodies) == {drafting.PROFILE}


@pytest.mark.threat("T22")
async def test_what_makes_us_stumble_over_a_guess_is_asked_for(towns: Towns) -> None:
    """<< an agreement at the end of all years, a judge or a name that fails >> no guess and no error: a request."""
    agreement, case, bodies = await sealed(towns)
    late = agreement.document.replace(agreement.policy["timestamp"].encode(), b"9999-12-31T23:59:59Z")
    assert late != agreement.document
    assert await guessed(towns, replace(agreement, document=late), case, bodies) == set()
    broken = replace(agreement, document=agreement.document.replace(b'"permission"', b'"permissions"'))
    assert await guessed(towns, broken, case, bodies) == set()
    hosted = await towns.participants.get(CONSUMER)
    nameless: dict[str, str] = {}
    guess = Guesses(towns.judge, nameless.__getitem__).by_consumer(hosted, case, agreement)
    hashes = {name: drafting.evidence_object(name, "", body).sha256 for name, body in bodies.items()}
    assert guess(hashes, {hashes[drafting.DATASET]: bodies[drafting.DATASET]}) == {}


async def test_a_long_contract_is_not_written_in_vain(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """<< an agreement beyond the limit >> asked for at once: nobody makes us put a thousand clauses into words."""
    agreement, case, bodies = await sealed(towns)
    monkeypatch.setattr(likely, "LONGEST", len(agreement.document))
    assert await guessed(towns, agreement, case, bodies) == {drafting.TEXT, drafting.PROFILE}
    monkeypatch.setattr(likely, "LONGEST", len(agreement.document) - 1)
    monkeypatch.setattr(drafting, "profile", lambda *_: pytest.fail("it was written"))
    assert await guessed(towns, agreement, case, bodies) == set()
