"""What the log knows of a person by her pseudonym; texts that only look like it are somebody else's."""

import pytest

from connector.continuity.privacy import log_entries, pseudonyms
from connector.foundation.errors import Mistake
from connector.foundation.storage import Database, Tx
from connector.identity.audit import store
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
    found = await any_db.read(TOWN, log_entries.find, TOWN, HER)
    assert found.complete
    assert [record["actor"] for _, record in found.records if isinstance(record, dict)] == [HER, "system"]
    assert [one.place for one, _ in found.records] == [None, None]


async def test_very_many_records_come_in_portions(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more than one export takes << the first ones, and it says that there are more."""
    monkeypatch.setattr(log_entries, "_PAGE", 3)
    monkeypatch.setattr(log_entries, "MOST", 7)
    for _ in range(9):
        await sqlite_db.write(TOWN, add, TOWN, HER)
    found = await sqlite_db.read(TOWN, log_entries.find, TOWN, HER)
    assert (len(found.records), found.complete) == (7, False)
    rest = await sqlite_db.read(TOWN, log_entries.find, TOWN, HER, found.following)
    assert (len(rest.records), rest.following) == (2, None)
    assert not {record.id for record, _ in rest.records} & {record.id for record, _ in found.records}


@pytest.mark.parametrize("text", ["", "p-7F3A91", "p-7f3a9", "p-7f3a911", "7f3a91", "Anna Muster", "p-7f3a91\n"])
def test_only_a_pseudonym_is_looked_for(text: str) -> None:
    with pytest.raises(Mistake, match=r"records\.pseudonym"):
        log_entries.checked(text)


def test_a_ground_may_not_undo_the_erasure() -> None:
    assert log_entries.says("Wunsch von p-7f3a91")
    assert not log_entries.says("Art. 17 Abs. 1 DSGVO")


@pytest.mark.parametrize(
    ("text", "hers"),
    [
        ("Wunsch von p-7f3a91.", True),
        ("(p-7f3a91)", True),
        ("by=p-7f3a91&x", True),
        ("p-7f3a91.csv", True),
        (r'{"de":["Bitte:\np-7f3a91\tgeht"]}', True),  # bug: a sign that JSON writes with a letter hid her
        (r'{"de":"\u201ep-7f3a91\u201c"}', True),
        ("https://a.example/akten%2Fp-7f3a91", True),
        ('{"pseudonym":"p-7f3a91"}', True),
        ("map-7f3a91", False),
        ("x-p-7f3a91", False),
        ("p-7f3a910", False),
        ("p-7f3a91_2", False),
        ("P-7F3A91", False),
    ],
)
def test_she_is_a_word_of_a_text(text: str, hers: bool) -> None:
    """>> a text << hers if the pseudonym is a word of its own; then blanking takes it out, and it alone."""
    assert pseudonyms.says(text, HER) is hers
    rest = pseudonyms.blanked(f"{text} p-000001", HER)
    assert pseudonyms.says(rest, HER) is False
    assert rest == (text.replace(HER, pseudonyms.BLANK) if hers else text) + " p-000001"
    assert pseudonyms.said(pseudonyms.BLANK) == []


async def test_she_is_found_within_a_sentence(any_db: Database) -> None:
    """Bug: a reason that says her among other words was in no copy."""
    await any_db.write(TOWN, lambda tx: add(tx, TOWN, "system", reason=[f"Auf Wunsch von {HER}, siehe Akte"]))
    found = await any_db.read(TOWN, log_entries.find, TOWN, HER)
    assert len(found.records) == 1
