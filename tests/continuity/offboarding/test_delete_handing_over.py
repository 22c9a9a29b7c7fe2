"""What an operator takes along before a participant is deleted: all that is sealed, by its id, as it is by then."""

import base64
import json

import pytest

from connector.exchange.contracts.document import draft
from connector.foundation.errors import Mistake, Unknown
from connector.identity.audit import store as audit
from connector.identity.participants import lifecycle_store
from tests.continuity.offboarding.leaver import LEAVER, PARTNER, closed, handed
from tests.testkit.leavers import holdings, leaving
from tests.testkit.towns import Towns


@pytest.mark.on_both
async def test_what_has_no_bundle_is_taken_along_as_it_is(towns: Towns) -> None:
    """An agreement that its provider did not seal << its text, state and records."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await towns.db.write(
        PARTNER, lambda tx: tx.run("UPDATE agreement SET provider_jws = NULL WHERE participant = :p", p=PARTNER)
    )
    await closed(towns, PARTNER)
    _, deleting = leaving(towns)
    (one,) = await deleting.evidence(PARTNER, "")
    assert (one.agreement, one.bundle, one.sha256) == (agreement.id, False, None)
    what = await deleting.bare(PARTNER, agreement.id)
    assert json.loads(str(what["agreement"]))["@id"] == agreement.id
    assert what["records"]
    for wrong in ("urn:uuid:0", "nichts"):
        with pytest.raises(Unknown):
            await deleting.handed(PARTNER, wrong, "0" * 64, 1)
    await deleting.handed(PARTNER, agreement.id, "1" * 64, one.records)
    assert [one.sha256 for one in await deleting.evidence(PARTNER, "")] == ["1" * 64]
    assert await deleting.evidence(PARTNER, agreement.id) == []


@pytest.mark.threat("T58")
async def test_bug_what_was_logged_since_has_to_be_taken_along_too(towns: Towns) -> None:
    """>> evidence taken along, then a record of the partner << refused until it is fetched again."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await handed(towns)
    _, deleting = leaving(towns)
    (before,) = await deleting.evidence(LEAVER, "")
    assert before.sha256 == "0" * 64
    body = {"event": "countersigned-late"}
    await towns.db.write(
        LEAVER, lambda tx: audit.append(tx, LEAVER, "agreement", agreement.id, "peer", body, did=towns.did(LEAVER))
    )
    (since,) = await deleting.evidence(LEAVER, "")
    assert (since.records, since.sha256) == (before.records + 1, None)
    for records in (before.records, 0):
        await deleting.handed(LEAVER, agreement.id, "0" * 64, records)
        with pytest.raises(Mistake, match=r"leaving\.unhanded"):
            await deleting.delete(LEAVER, abandon=False, despite=True)
    assert (await leaving(towns)[0].look(LEAVER)).unhanded == 1
    await handed(towns)
    assert (await deleting.delete(LEAVER, abandon=False, despite=True)).state == "deleted"


async def test_bug_what_was_sealed_but_never_final_here_is_taken_along(towns: Towns) -> None:
    """A termination may cross a FINALIZED: the partner holds our seal << its text, seals and what they cover."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    never = "UPDATE agreement SET state = 'terminated' WHERE participant = :p"
    await towns.db.write(LEAVER, lambda tx: tx.run(never, p=LEAVER))
    await closed(towns)
    _, deleting = leaving(towns)
    with pytest.raises(Mistake, match=r"leaving\.unhanded"):
        await deleting.delete(LEAVER, abandon=True, despite=True)
    (one,) = await deleting.evidence(LEAVER, "")
    assert (one.agreement, one.bundle) == (agreement.id, False)
    what = await deleting.bare(LEAVER, agreement.id)
    assert what["providerSignature"] == agreement.provider_jws
    objects = what["objects"]
    assert isinstance(objects, dict)
    for name in (draft.TEXT, draft.PROFILE, draft.DATASET):
        assert base64.b64decode(objects[name]["body"])


COPIED = (
    "INSERT INTO agreement (participant, id, negotiation, role, counterparty, dataset, state, document, digest,"
    " provider_jws, facts, created_at) SELECT participant, :id, negotiation, role, counterparty, dataset, 'ended',"
    " document, 'another', provider_jws, facts, created_at FROM agreement WHERE participant = :p"
)


@pytest.mark.on_both
@pytest.mark.threat("T58")
async def test_bug_a_partner_that_calls_another_agreement_by_its_uuid_takes_no_evidence_away(towns: Towns) -> None:
    """>> `urn:uuid:X`, and a second one that its provider called `X` << each is found by its whole id."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await towns.db.write(LEAVER, lambda tx: tx.run(COPIED, p=LEAVER, id=agreement.uuid))
    _, deleting = leaving(towns)
    for name, digest in ((agreement.id, agreement.digest), (agreement.uuid, "another")):
        assert (await deleting.bare(LEAVER, name))["sha256"] == digest
    await deleting.handed(LEAVER, agreement.uuid, "1" * 64, 0)
    found = {one.agreement: one.sha256 for one in await deleting.evidence(LEAVER, "")}
    assert found == {agreement.id: None, agreement.uuid: "1" * 64}


async def test_bug_what_a_partner_gave_no_name_does_not_hold_up_the_deletion(towns: Towns) -> None:
    """>> an agreement with the empty id, which nobody can ask for << the others are taken along, and it goes."""
    agreement = await towns.concluded(PARTNER, LEAVER)
    await closed(towns)
    await towns.db.write(LEAVER, lambda tx: tx.run(COPIED, p=LEAVER, id=""))
    _, deleting = leaving(towns)
    assert [one.agreement for one in await deleting.evidence(LEAVER, "")] == [agreement.id]
    await handed(towns)
    assert (await deleting.delete(LEAVER, abandon=False, despite=True)).state == "deleted"


@pytest.mark.threat("T58")
@pytest.mark.parametrize("first", ["countersignature", "deletion"])
async def test_a_countersignature_that_was_looked_at_while_the_deletion_began(first: str, towns: Towns) -> None:
    """>> let in at the door, judged beside the transaction, booked after the first of the deletion << 404, no row.

    Booked before it, it counts as logged since.
    """
    agreement = await towns.concluded(PARTNER, LEAVER)
    rules, did = towns.contracts.countersigning, towns.did(PARTNER)
    case = await towns.case(LEAVER, (await towns.agreement(LEAVER, agreement.id)).negotiation)
    await closed(towns)
    await handed(towns)
    _, deleting = leaving(towns)
    if first == "countersignature":
        await towns.db.write(LEAVER, rules.invalid, LEAVER, case, "seal-value")
        with pytest.raises(Mistake, match=r"leaving\.unhanded"):
            await deleting.delete(LEAVER, abandon=False, despite=True)
        return
    await towns.db.write(LEAVER, lifecycle_store.begin_deleting, LEAVER)
    before = await holdings(towns, LEAVER)
    for book in (
        lambda tx: rules.invalid(tx, LEAVER, case, "seal-value"),
        lambda tx: rules.arrived(tx, LEAVER, agreement.id, did, "a..b", ()),
    ):
        with pytest.raises(Unknown) as unknown:
            await towns.db.write(LEAVER, book)
        assert unknown.value.code == "peer.nothing-here"  # as it is for everybody
    assert await holdings(towns, LEAVER) == before
