"""What the log knows of a person by her pseudonym; texts that only look like it are somebody else's."""

import pytest

from connector.api import records
from connector.audit import persons, store
from connector.contracts.model import EvidenceObject
from connector.errors import Mistake
from connector.storage import Database, Tx
from tests.verify.forge import PROVIDER

TOWN, OTHER = "musterstadt", "nachbardorf"
HER = "p-7f3a91"


def add(tx: Tx, slug: str, actor: str, **body: object) -> None:
    store.append(tx, slug, "confirmation", None, actor, body, did=PROVIDER)


async def test_she_is_found_wherever_she_is_said(any_db: Database) -> None:
    """>> as actor, deep in a body, as part of another word, at the neighbour's << the first two, as whole records."""
    for actor, said in ((HER, ""), ("system", HER), ("p-7f3a92", f"x{HER}"), ("system", "")):
        await any_db.write(TOWN, lambda tx, a=actor, s=said: add(tx, TOWN, a, deep={"list": [s]}))
    await any_db.write(OTHER, lambda tx: add(tx, OTHER, HER))
    found = await any_db.read(TOWN, persons.find, TOWN, HER)
    assert found.complete
    assert [record["actor"] for _, record in found.records if isinstance(record, dict)] == [HER, "system"]
    assert [one.place for one, _ in found.records] == [None, None]


async def test_very_many_records_come_in_portions(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more than one export takes << the first ones, and it says that there are more."""
    monkeypatch.setattr(persons, "_PAGE", 3)
    monkeypatch.setattr(persons, "MOST", 7)
    for _ in range(9):
        await sqlite_db.write(TOWN, add, TOWN, HER)
    found = await sqlite_db.read(TOWN, persons.find, TOWN, HER)
    assert (len(found.records), found.complete) == (7, False)
    rest = await sqlite_db.read(TOWN, persons.find, TOWN, HER, found.following)
    assert (len(rest.records), rest.following) == (2, None)
    assert not {record.id for record, _ in rest.records} & {record.id for record, _ in found.records}


@pytest.mark.parametrize("text", ["", "p-7F3A91", "p-7f3a9", "p-7f3a911", "7f3a91", "Anna Muster", "p-7f3a91\n"])
def test_only_a_pseudonym_is_looked_for(text: str) -> None:
    with pytest.raises(Mistake, match=r"records\.pseudonym"):
        persons.checked(text)


def test_a_ground_may_not_undo_the_erasure() -> None:
    assert persons.says("Wunsch von p-7f3a91")
    assert not persons.says("Art. 17 Abs. 1 DSGVO")


def test_an_object_that_only_contains_the_letters_is_not_hers() -> None:
    """>> a dataset called `map-202412`, an approval by `p-202412` << her copy holds the approval alone."""
    found = [
        (EvidenceObject(name=name, sha256="", media_type="application/json", body=body), "urn:a")
        for name, body in (("profile", b'{"of": "map-202412"}'), ("approval", b'{"by": {"pseudonym": "p-202412"}}'))
    ]
    assert [item.name for item, _ in records.hers(found, "p-202412")] == ["approval"]
