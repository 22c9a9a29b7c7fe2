"""Bytes that were said to be about persons are so in whatever dataset, and one person alone opens them to nobody."""

import pytest

from connector.data.approvals.model import Voter
from connector.data.approvals.publications import NewDataset, ReplacedDataset
from connector.data.catalogue.life import Replacement
from connector.data.catalogue.service import Publication
from connector.foundation.errors import Mistake
from tests.testkit.towns import Towns

pytestmark = [pytest.mark.threat("T93"), pytest.mark.on_both]
TOWN, CONTENT = "musterstadt", "ab" * 32
ANNA, CARL = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-cccccc", frozenset({"protection"}))


async def wish(towns: Towns, content: str) -> Publication:
    """Handed in anew each time, and nothing said of persons."""
    source = await towns.file(TOWN, content)
    return Publication(title="Liste", rule="municipal-purpose", slots={"until": "31.12.2099"}, source=source)


async def test_bug_bytes_about_persons_went_out_again_without_data_protection(towns: Towns) -> None:
    """>> a dataset about persons; the same file handed in again, as a new dataset and as the version of another one, by
    a program and at the desk << refused; waits for data protection; it is about persons then; other bytes go out."""
    towns.people.roles = {one.who: set(one.roles) for one in (ANNA, CARL)}
    await towns.publish_freely(TOWN, source=await towns.file(TOWN, CONTENT), personal=True)
    other, _ = await towns.publish_freely(TOWN, source=await towns.file(TOWN, "cd" * 32))
    catalogue, write, submit = towns.catalogue, towns.db.write, towns.publications.submit
    again = await wish(towns, CONTENT)
    with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
        await write(TOWN, catalogue.publish, TOWN, again)
    with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
        await write(TOWN, catalogue.life.replace, TOWN, other.id, Replacement(source=again.source))
    for draft in (NewDataset(again), ReplacedDataset(other.id, Replacement(source=again.source))):
        waits = (await write(TOWN, submit, TOWN, ANNA, draft)).approval
        assert waits is not None
        assert (waits.ballot.stewards, waits.ballot.protection) == (0, 1)
        _, made = await write(TOWN, towns.publications.yes, TOWN, waits.id, CARL)
        assert made is not None
        assert made.personal
    fresh, _ = await write(TOWN, catalogue.publish, TOWN, await wish(towns, "ef" * 32))
    assert not fresh.personal
