"""Of a source somebody chooses once that new records wait; to let them go needs whom a publication would need."""

import pytest

from connector.data.approvals.decide import NotYours
from connector.data.approvals.imports import LetGo, import_draft
from connector.data.approvals.model import Voter
from connector.data.harvest import store as store_of_imports
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import SYSTEM
from tests.data.approvals.imports import ANNA, BERTA, CARL, PAULA, SOURCE, TOWN, Town
from tests.data.harvest.imports import catalogue
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T165")


@pytest.fixture
async def town(towns: Towns) -> Town:
    towns.people.roles = {one.who: set(one.roles) for one in (ANNA, BERTA, CARL, PAULA)}
    return Town(towns)


@pytest.mark.on_both
async def test_somebody_chooses_once_that_new_records_wait(town: Town) -> None:
    """>> no rule; chosen << what is new or other waits for one steward, who may be the one that delivered; chosen back
    << it goes out with the next run, each run says which."""
    assert not (await town.takes(catalogue("a"))).wait
    assert await town.chooses(wait=True) is None
    report = await town.takes(catalogue("a", "b"))
    assert (report.wait, report.waiting, set(await town.served())) == (True, 1, {"a"})
    await town.yes(report.approval, ANNA)
    assert set(await town.served()) == {"a", "b"}
    await town.takes(catalogue("a", "b", "c"))
    assert await town.chooses(wait=False) is None
    report = await town.takes(catalogue("a", "b", "c"))
    assert (report.wait, report.released, set(await town.served())) == (False, 1, {"a", "b", "c"})


@pytest.mark.on_both
async def test_a_choice_that_makes_less_wait_needs_whom_a_publication_would_need(town: Town) -> None:
    """>> new records wait, and rules ask for others; one person wants less << it waits for the others, herself cannot
    agree, asking twice is one approval; by the last yes the choice holds, and opens nothing by itself."""
    await town.takes(catalogue("a"))
    await town.chooses(wait=True)
    await town.ruled(people="two", protection=True)
    asked = await town.chooses(wait=False)
    assert asked is not None
    assert asked == await town.chooses(wait=False, by=BERTA)
    assert isinstance(import_draft(asked), LetGo)
    with pytest.raises(NotYours):
        await town.yes(asked.id, ANNA)
    await town.yes(asked.id, BERTA)
    assert (await town.takes(catalogue("a"))).wait
    await town.yes(asked.id, CARL)
    report = await town.takes(catalogue("a", "b"))
    assert (report.wait, report.waiting) == (False, 1)


async def test_a_choice_of_before_ends_no_later_one(town: Town) -> None:
    """>> less is asked for, and chosen back and forth meanwhile << the last yes is too late."""
    await town.takes(catalogue("a"))
    await town.chooses(wait=True)
    await town.ruled(people="two")
    asked = await town.chooses(wait=False)
    assert asked is not None
    await town.ruled()
    await town.chooses(wait=False)
    await town.towns.db.write(TOWN, lambda tx: store_of_imports.note_wait(tx, TOWN, SOURCE, tx.now + 1))
    with pytest.raises(Mistake, match=r"harvest\.waiting-changed"):
        await town.yes(asked.id, BERTA)
    with pytest.raises(Unknown, match=r"harvest\.no-source"):
        await town.towns.db.write(TOWN, town.towns.imports.wait, TOWN, "nowhere")


@pytest.mark.threat("T143")
async def test_a_key_lets_nothing_go_alone(town: Town) -> None:
    """>> no rule, new records wait; a key of a steward wants them to go out << it waits for a steward at the desk, who
    may be herself; on the operator's own socket everybody is believed, while no rule asks."""
    await town.takes(catalogue("a"))
    await town.chooses(wait=True)
    asked = await town.chooses(wait=False, steward=False)
    assert asked is not None
    assert (await town.takes(catalogue("a", "b"))).waiting == 1
    await town.yes(asked.id, ANNA)
    assert (await town.takes(catalogue("a", "b"))).released == 1
    await town.chooses(wait=True)
    assert await town.chooses(wait=False, by=Voter(SYSTEM, frozenset()), steward=False) is None
    await town.chooses(wait=True)
    await town.ruled(people="two")
    assert await town.chooses(wait=False, by=Voter(SYSTEM, frozenset()), steward=False) is not None


@pytest.mark.threat("T143")
async def test_a_choice_that_was_asked_for_before_the_rule_needs_more_now(town: Town) -> None:
    """>> no rule, a key wants less to wait; then four eyes << the yes of whoever asked is not enough; asked again, the
    other steward has to agree."""
    await town.takes(catalogue("a"))
    await town.chooses(wait=True)
    asked = await town.chooses(wait=False, steward=False)
    assert asked is not None
    await town.ruled(people="two")
    with pytest.raises(Mistake, match=r"approvals\.stricter-import"):
        await town.yes(asked.id, ANNA)
    anew = await town.chooses(wait=False)
    assert anew is not None
    assert anew.id != asked.id
    with pytest.raises(NotYours):
        await town.yes(anew.id, ANNA)
    await town.yes(anew.id, BERTA)
    assert not (await town.takes(catalogue("a"))).wait
