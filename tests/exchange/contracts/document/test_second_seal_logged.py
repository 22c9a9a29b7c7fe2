"""Both logs name both second seals, by the same digests, as soon as the trust list vouches for them (decision 0040).

What nobody vouches for yet is looked at again; nothing that a peer sends as a second seal gets into a record unjudged.
"""

import asyncio
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import store
from connector.exchange.contracts.document import second_seal
from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.signing.book import SealBooking
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import WORKER, Tx
from connector.identity.trust.keys.signing import SoftwareKey
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive
from connector.verify.checks.contract import manifest_rows
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.exchange.contracts.second_seals import (
    GARBAGE,
    KINDS,
    MEMBER,
    NAMES,
    TOWNS,
    able,
    evidence,
    kept,
    keyed,
    look,
    said,
    seconds,
)
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

pytestmark = able


async def due(towns: Towns, slug: str) -> list[int]:
    """When second seals are looked at again (ms)."""
    sql = "SELECT due_at FROM timer WHERE participant = :participant AND kind = 'second-seal' AND done_at IS NULL"
    return [int(row["due_at"]) for row in await towns.rows(slug, sql)]


async def report(towns: Towns, folder: Path, slug: str, agreement: Agreement, **how: bool) -> tuple[bytes, Report]:
    """The town's bundle and what an auditor says; `how`: of the trust list (`test_second_seal.evidence`)."""
    folder.mkdir(exist_ok=True)
    if not (folder / "space").exists():
        (folder / "space").symlink_to(folder.parent / "space")
    service, roots = await evidence(towns, folder, **how)
    bundle = await service.bundle(slug, agreement.id)
    return bundle, verify_bundle(bundle, roots, "en")


def told(found: Report) -> list[str]:
    return [note for note in found.notes if "ML-DSA-44" in note]


@pytest.mark.parametrize("slug", one_in(2, TOWNS))
async def test_both_logs_name_both(towns: Towns, tmp_path: Path, slug: str) -> None:
    """>> a contract between two that have such keys << the same digests in both logs, and nothing left unproven."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    logs = [await said(towns, town) for town in TOWNS]
    assert logs[0] == logs[1] == [await kept(towns, slug, agreement)]
    assert set(logs[0][0]) == set(NAMES)
    bundle, found = await report(towns, tmp_path / "x", slug, agreement)
    assert found.verdict.name != "FAILED", found.reason
    assert (seconds(bundle), told(found)) == ({"provider.pq.jws", "consumer.pq.jws"}, [])
    assert await due(towns, slug) == []


async def test_who_has_no_such_key_has_no_such_member(towns: Towns) -> None:
    """Nothing changes for peers that have none: the record is what it was."""
    await towns.concluded("nachbardorf", "musterstadt")
    assert [await said(towns, town) for town in TOWNS] == [[{}], [{}]]
    await keyed(towns, "musterstadt")
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    names = await kept(towns, "nachbardorf", agreement)
    assert [(await said(towns, town))[1] for town in TOWNS] == [names, names]
    assert set(names) == {"providerPq"}


@pytest.mark.threat("T56")
@pytest.mark.parametrize("slug", one_in(2, reversed(TOWNS)))
async def test_a_bundle_that_was_taken_apart_fails(towns: Towns, tmp_path: Path, slug: str) -> None:
    """>> a second seal taken out, put in the place of the other, or of another contract, and the list of files sealed
    anew by the exporter << failed, and which one is said."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement, other = [await towns.concluded("nachbardorf", "musterstadt") for _ in range(2)]
    service, roots = await evidence(towns, tmp_path)
    files, foreign = [dict(archive.members(await service.bundle(slug, one.id))) for one in (agreement, other)]

    async def judged(changed: dict[str, bytes | None]) -> tuple[str, str]:
        whole = {name: body for name, body in {**files, **changed}.items() if body is not None}
        manifest = jcs.encode({"v": 1, "members": manifest_rows(whole)})
        failed = verify_bundle(export.pack(await resealed(towns, slug, whole, manifest)), roots, "en").first_failed
        assert failed is not None
        return failed.name, failed.code

    for role, partner in (("provider", "consumer"), ("consumer", "provider")):
        name = f"{role}.pq.jws"
        assert await judged({name: None}) == (f"{role}-pq", "pq-missing")
        for wrong in (files[f"{partner}.pq.jws"], foreign[name], files[name][:-2] + b"!!"):
            assert await judged({name: wrong}) == (f"{role}-pq", "pq-other")


async def resealed(towns: Towns, slug: str, files: dict[str, bytes], manifest: bytes) -> dict[str, bytes]:
    """The files with that manifest under the town's own seal."""
    from connector.exchange.contracts.agreement.agreements import sealer
    from connector.exchange.contracts.document.sealing import Reference, address, seal

    me = sealer(await towns.participants.get(slug))
    reference = Reference(address(me.root, manifest), manifest, "application/json")
    jws = await seal([reference], me.key, me.chain, towns.clock.now() // 1000)
    return {**files, "manifest.json": manifest, "manifest.jws": jws.encode()}


@pytest.mark.threat("T60")
@pytest.mark.parametrize("garbage", one_in(7, GARBAGE))
async def test_what_does_not_hold_is_in_no_record(towns: Towns, tmp_path: Path, garbage: str) -> None:
    """>> one side's second seal is garbage << its partner's record names its own alone, and never looks again."""
    for town in TOWNS:
        await keyed(towns, town)
    towns.wire.bend[KINDS["provider"]] = lambda message: message.__setitem__(
        MEMBER, GARBAGE[garbage][0](message[MEMBER])
    )
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert [set(one) for one in await said(towns, "nachbardorf")] == [{"consumerPq"}]
    assert [set(one) for one in await said(towns, "musterstadt")] == [set(NAMES)]
    assert await due(towns, "nachbardorf") == []
    bundle, found = await report(towns, tmp_path / "x", "nachbardorf", agreement)
    assert found.verdict.name != "FAILED", found.reason
    assert seconds(bundle) == {"consumer.pq.jws"}


@pytest.mark.on_both
@pytest.mark.threat("T60")
async def test_a_seal_by_a_key_that_nobody_lists_spoils_nothing(towns: Towns, tmp_path: Path) -> None:
    """>> a partner signs with a key of its own making << in no record, in no bundle; looked at for 30 days at most."""
    await keyed(towns, "nachbardorf")
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    stranger = SoftwareKey.generate("seal-pq", towns.did("nachbardorf"))
    towns.second_keys[towns.did("nachbardorf")] = stranger.public_jwk
    another = await towns.concluded("nachbardorf", "musterstadt")
    assert [set(one) for one in await said(towns, "musterstadt")] == [{"consumerPq"}, set()]
    await look(towns)
    (again,) = await due(towns, "musterstadt")
    assert 0 < again - towns.clock.now() <= second_seal.OFTEN_MS

    def long_ago(tx: Tx) -> None:
        tx.run("UPDATE agreement SET finalized_at = finalized_at - 2592000001 WHERE id = :id", id=another.id)

    for town in TOWNS:
        await towns.db.write(town, long_ago)
    await look(towns)
    assert await due(towns, "musterstadt") == []
    assert len(await said(towns, "musterstadt")) == 2
    del agreement


@pytest.mark.parametrize("slug", one_in(2, TOWNS))
async def test_what_is_listed_later_is_named_later(towns: Towns, tmp_path: Path, slug: str) -> None:
    """>> the list does not name the keys yet << no member, told as unproven; >> it does << a further record, once."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    assert await said(towns, slug) == [{}]
    early, found = await report(towns, tmp_path / "a", slug, agreement)
    assert (len(seconds(early)), len(told(found))) == (2, 2)
    await look(towns)
    assert await said(towns, slug) == [{}]
    for town in TOWNS:
        hosted = await towns.participants.get(town)
        towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk
    for _ in range(3):
        await look(towns)
    assert await said(towns, slug) == [{}, await kept(towns, slug, agreement)]
    assert await due(towns, slug) == []
    bundle, found = await report(towns, tmp_path / "b", slug, agreement)
    assert found.verdict.name != "FAILED", found.reason
    assert (len(seconds(bundle)), told(found)) == (2, [])
    sql = "SELECT seq FROM audit_entry WHERE participant = :participant AND agreement = :agreement ORDER BY seq"
    numbers = [row["seq"] for row in await towns.rows(slug, sql, agreement=agreement.id)]
    assert numbers == list(range(len(numbers)))


async def test_one_after_the_other(towns: Towns) -> None:
    """>> the provider's key is listed, the consumer's later << two further records; the second says both."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    whole = await kept(towns, "musterstadt", agreement)
    for town in TOWNS:
        hosted = await towns.participants.get(town)
        towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk
        await look(towns)
    assert await said(towns, "musterstadt") == [{}, {"providerPq": whole["providerPq"]}, whole]


@pytest.mark.on_both
async def test_two_replicas_that_look_at_once_write_one_record(towns: Towns) -> None:
    """The timer is due in both: one further record, and one more look at most."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    for town in TOWNS:
        hosted = await towns.participants.get(town)
        towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk
    own = await towns.agreement("musterstadt", agreement.id)
    again = towns.contracts.agreements.records.second_sealed
    await asyncio.gather(*(towns.db.write("musterstadt", again, "musterstadt", own.negotiation) for _ in range(6)))
    assert await said(towns, "musterstadt") == [{}, await kept(towns, "musterstadt", agreement)]


async def test_a_participant_that_is_being_deleted_gets_no_further_record(towns: Towns) -> None:
    """Its evidence has been handed over: what comes now would be in nobody's copy."""
    await keyed(towns, "musterstadt", listed=False)
    await towns.concluded("nachbardorf", "musterstadt")
    hosted = await towns.participants.get("musterstadt")
    towns.second_keys[hosted.participant.did] = hosted.signers["seal-pq"].public_jwk

    def leave(tx: Tx) -> None:
        for state in ("closing", "closed", "deleting"):
            tx.run("UPDATE participant SET state = :state WHERE id = :id", state=state, id="musterstadt")

    await towns.db.write("musterstadt", leave)
    await look(towns)
    assert (await said(towns, "musterstadt"), await due(towns, "musterstadt")) == ([{}], [])


@pytest.mark.parametrize("slug", one_in(2, reversed(TOWNS)))
async def test_a_key_that_was_replaced_leaves_older_second_seals_their_proof(
    towns: Towns, tmp_path: Path, slug: str
) -> None:
    """Past gap: the list named one key only, so after a rotation older second seals left the bundles."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    for town in TOWNS:
        await towns.participants.rotate(town, "seal-pq")
    bundle, found = await report(towns, tmp_path / "a", slug, agreement)
    assert seconds(bundle) == {"provider.pq.jws", "consumer.pq.jws"}
    assert found.verdict.name != "FAILED", found.reason
    assert told(found) == []
    bundle, found = await report(towns, tmp_path / "b", slug, agreement, kept=False)
    assert seconds(bundle) == {"provider.pq.jws", "consumer.pq.jws"}, "a record names them, so they stay"
    assert found.first_failed is None, found.reason
    codes = {check.code for check in found.checks if ".pq" in check.name or "-pq" in check.name}
    assert codes == {"pq-unlisted"}, "a list that does not name the key any more cannot prove them"


@pytest.mark.threat("T56")
@pytest.mark.parametrize(("later_ms", "expected"), [(5000, ""), (-5000, "pq-period")], ids=["after it", "before it"])
async def test_a_key_that_was_withdrawn(towns: Towns, tmp_path: Path, later_ms: int, expected: str) -> None:
    """>> the provider's key counts until a moment after the contract, or before << in its partner's bundle, and judged
    at its time."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    moment, before = towns.clock.now(), {one.participant.did: one.keys for one in await towns.participants.all()}
    kid = (await towns.participants.get("musterstadt")).signers["seal-pq"].kid
    await towns.participants.revoke("musterstadt", "seal-pq", moment, "the key was lost", kid)
    service, roots = await evidence(towns, tmp_path, before=before, now=moment + later_ms)
    bundle = await service.bundle("nachbardorf", agreement.id)
    assert seconds(bundle) == {"provider.pq.jws", "consumer.pq.jws"}
    codes = {check.name: check.code for check in verify_bundle(bundle, roots, "en").checks}
    assert (codes["provider-pq"], codes["consumer-pq"]) == (expected, "")


async def test_what_was_signed_with_a_former_key_in_its_overlap_counts(towns: Towns) -> None:
    """>> signed before the rotation, booked after it << named: the list still lets it count."""
    for town in TOWNS:
        await keyed(towns, town)
    did = towns.did("musterstadt")
    older = towns.second_keys[did]
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run(rows=1)  # the agreement is drawn up and sealed
    await towns.participants.rotate("musterstadt", "seal-pq")
    newer = (await towns.participants.get("musterstadt")).signers["seal-pq"].public_jwk
    listed = towns.contracts.agreements
    listed._second_keys = lambda who: [newer, older] if who == did else [towns.second_keys[who]]
    await towns.run()
    agreement = await towns.agreement("nachbardorf", (await towns.case("nachbardorf", asked.id)).agreement)
    assert agreement.state == "finalized"
    assert [set(one) for one in await said(towns, "musterstadt")] == [set(NAMES)]


@pytest.mark.on_both
async def test_a_log_that_names_what_is_not_kept_is_not_made_up_for(towns: Towns, tmp_path: Path) -> None:
    """>> somebody deletes the second seal in the database << the bundle lacks it, and every auditor sees that."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    gone = (await kept(towns, "musterstadt", agreement))["providerPq"]

    def lose(tx: Tx) -> None:
        tx.run("DELETE FROM object_use WHERE participant = 'musterstadt' AND sha256 = :sha", sha=gone)

    await towns.db.write("musterstadt", lose)
    bundle, found = await report(towns, tmp_path / "a", "musterstadt", agreement)
    assert "provider.pq.jws" in seconds(bundle), "it is found by its digest"
    assert found.verdict.name != "FAILED"

    def lose_all(tx: Tx) -> None:
        tx.run("DELETE FROM object WHERE participant = 'musterstadt' AND sha256 = :sha", sha=gone)

    await towns.db.write("musterstadt", lose_all)
    bundle, found = await report(towns, tmp_path / "b", "musterstadt", agreement)
    assert seconds(bundle) == {"consumer.pq.jws"}
    assert found.first_failed is not None
    assert found.first_failed.code == "pq-missing"


@pytest.mark.on_both
async def test_records_of_an_older_version_stay_as_they_are(towns: Towns, tmp_path: Path) -> None:
    """>> second seals are kept, but no record names them and no timer is set << in the bundle, told, not failed."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")

    def older(tx: Tx) -> None:
        tx.run("DELETE FROM timer WHERE kind = 'second-seal'")

    await towns.db.write(WORKER, older)
    for town in TOWNS:
        bundle, found = await report(towns, tmp_path / town, town, agreement)
        assert (len(seconds(bundle)), len(told(found))) == (2, 2)
        assert found.verdict.name != "FAILED", found.reason
        with zipfile.ZipFile(BytesIO(bundle)) as packed:
            assert b'erPq"' not in packed.read("records.ndjson")


async def test_an_agreement_that_never_came_into_force_gets_none(towns: Towns) -> None:
    """>> the timer fires for a case that was ended, or for none << nothing happens."""
    for town in TOWNS:
        await keyed(towns, town, listed=False)
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    own = await towns.agreement("musterstadt", agreement.id)
    await towns.db.write("musterstadt", store.save_agreement, replace(own, state="terminated"))
    again: Any = towns.contracts.agreements.records.second_sealed
    for case in (own.negotiation, "urn:uuid:none"):
        await towns.db.write("musterstadt", again, "musterstadt", case)
    assert await said(towns, "musterstadt") == [{}]


@pytest.mark.parametrize("step", ["countersignature", "contract"])
async def test_a_crash_between_judging_and_booking_loses_nothing(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """>> the process dies with the partner's second seal judged << judged again, booked once, named in one record."""
    for town in TOWNS:
        await keyed(towns, town)

    def died(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(SealBooking, step, died)
        asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
        await towns.run()
        assert [await said(towns, town) for town in TOWNS] == [[], []]
    await towns.hurry()
    await towns.hurry()
    agreement = await towns.agreement("nachbardorf", (await towns.case("nachbardorf", asked.id)).agreement)
    whole = await kept(towns, "nachbardorf", agreement)
    assert [await said(towns, town) for town in TOWNS] == [[whole], [whole]]
    assert set(whole) == set(NAMES)


async def test_finalized_twice_is_one_record(towns: Towns) -> None:
    """>> the same FINALIZED again, and again at once << the record that names the second seals is there once."""
    for town in TOWNS:
        await keyed(towns, town)
    agreement = await towns.concluded("nachbardorf", "musterstadt")

    def again(tx: Tx) -> None:
        found = store.case_with_agreement(tx, "nachbardorf", agreement.negotiation)
        assert found is not None
        towns.contracts.agreements.finalize(tx, *found)

    await asyncio.gather(*(towns.db.write("nachbardorf", again) for _ in range(4)))
    assert [len(await said(towns, town)) for town in TOWNS] == [1, 1]
