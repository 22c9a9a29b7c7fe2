"""Figures of towns that dealt with each other: what the log says, beside what the contracts say."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.app.policy_engine import lists
from connector.data.dataplane import flows
from connector.data.dataplane.gate import Access
from connector.exchange.reconciliation import store as reconciliation
from connector.exchange.reconciliation.store import Compared
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Tx
from connector.oversight.figures.model import Figure
from connector.oversight.figures.service import Figures
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
GROUP = "https://space.example/groups/ikz"


MOVED = "did:web:it.example:nachbardorf"
"""Where the village works by now, if it does."""


def service(towns: Towns, groups: dict[str, tuple[str, ...]], *, moved: bool = False) -> Figures:
    entries = {did: SimpleNamespace(did=did, groups=found) for did, found in groups.items()}
    names = {MOVED if moved else towns.did(VILLAGE): ("Kreis", "Land\u202e")}
    heirs = {towns.did(VILLAGE): MOVED} if moved else {}
    anchor: Any = SimpleNamespace(
        entry=entries.get,
        entries=entries,
        through=lambda own, did: names.get(did, ()) if own != did else (),
        line_for=lambda own: SimpleNamespace(successor=lambda did, now: heirs.get(did)),
    )
    return Figures(towns.participants, towns.contracts.agreements, towns.engine, lists().closure_of, anchor)


async def delivered(towns: Towns) -> None:
    """A contract of the village's, and one access that the town's rule lets through and books."""
    agreement = await towns.concluded(VILLAGE, TOWN)
    asked = await towns.fetch(VILLAGE, TOWN, agreement)
    await towns.run()
    theirs = await towns.process(TOWN, (await towns.process(VILLAGE, asked.id)).kernel.peer_pid)

    def unit(tx: Tx) -> None:
        access = Access(
            counterparty=towns.did(VILLAGE),
            agreement=theirs.agreement,
            first=True,
            mark=lambda tx: flows.mark(tx, TOWN, theirs.id),
            unmark=lambda tx: flows.unmark(tx, TOWN, theirs.id),
        )
        assert towns.access.entitled(tx, TOWN, theirs.id, access).permit
        towns.reports.delivered(tx, TOWN, theirs.id, 8, True, None)

    await towns.db.write(TOWN, unit)


async def test_reuse_by_a_partner_of_our_own_group(towns: Towns) -> None:
    """>> published twice, one contract, one delivery << 1 of 2, all of it kin; each decision equal for anybody."""
    await towns.publish(TOWN, title="Zweiter")
    await delivered(towns)
    groups = {towns.did(TOWN): (GROUP,), towns.did(VILLAGE): (GROUP, "https://other.example/g")}
    found: dict[str, Figure] = {
        one.definition.id: one for one in await towns.db.read(TOWN, service(towns, groups).all, TOWN)
    }
    assert (found["N1"].value, found["N1"].of) == (1, 2)
    assert [(one.value, one.kin) for one in found["N2"].parts] == [(1, 1)]
    assert [(one.key, one.value) for one in found["N2"].spaces] == [("Kreis", 1), ("Land", 1)]
    assert (found["N5"].value, found["N5"].of) == (1, 1)
    assert found["N9"].value == found["N9"].of
    assert found["N9"].of is not None
    assert found["N9"].of >= 2
    assert found["N4"].parts[0].key == "automatic"
    village = {one.definition.id: one.value for one in await towns.db.read(VILLAGE, service(towns, {}).all, VILLAGE)}
    assert (village["N1"], village["N2"], village["agreements"]) == (None, None, 1)


async def test_bug_partners_that_had_moved_were_known_through_no_space(towns: Towns) -> None:
    """>> a contract with a village that works elsewhere by now << known through the spaces of who has its place."""
    await towns.concluded(VILLAGE, TOWN)
    found = await towns.db.read(TOWN, service(towns, {}, moved=True).one, TOWN, "N2")
    assert [(one.key, one.value) for one in found.spaces] == [("Kreis", 1), ("Land", 1)]


@pytest.mark.on_both
async def test_an_ended_contract_reuses_nothing(towns: Towns) -> None:
    """>> a contract that runs out by its own text << it counts until that day, though no entry says so."""
    await towns.concluded(VILLAGE, TOWN, slots={"until": "31.12.2099"})
    counting = service(towns, {})
    assert (await towns.db.read(TOWN, counting.one, TOWN, "N1")).value == 1

    def over(tx: Tx) -> None:
        assert tx.run("UPDATE agreement SET expires_at = 1 WHERE participant = :p", p=TOWN) == 1

    await towns.db.write(TOWN, over)
    assert (await towns.db.read(TOWN, counting.one, TOWN, "N1")).value == 0


@pytest.mark.on_both
async def test_what_partners_logs_say_is_told(towns: Towns) -> None:
    """>> compared with the partner's log << agrees, differs, cannot be compared: each counted as that."""
    agreement = await towns.concluded(VILLAGE, TOWN)
    for state, told in (("agrees", (1, 0, 0)), ("missing-there", (0, 1, 0)), ("impossible", (0, 0, 1))):
        found = Compared(
            agreement=agreement.id, counterparty=towns.did(VILLAGE), state=state, findings=(), code="", at=1, due_at=2
        )
        await towns.db.write(TOWN, reconciliation.save, TOWN, found)
        assert await towns.db.read(TOWN, service(towns, {}).compared, TOWN) == told


async def test_a_refused_firm_is_counted_with_its_reason(towns: Towns) -> None:
    await towns.add("stadtwerke", kind=COMPANY)
    made = await towns.publish(TOWN, visibility="members")
    await towns.ask("stadtwerke", TOWN, made)
    await towns.run()
    found = await towns.db.read(TOWN, service(towns, {}).one, TOWN, "N7")
    assert [(one.key, one.value) for one in found.parts] == [("policy", 1)]
    with pytest.raises(Unknown, match=r"figures\.unknown"):
        await towns.db.read(TOWN, service(towns, {}).one, TOWN, "N17")
