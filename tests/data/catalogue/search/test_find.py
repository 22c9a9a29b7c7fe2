"""A search among copies: what answers, in which order, how it goes on, and that each town finds its own alone."""

from functools import cache
from typing import Any

import msgspec
import pytest

from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import Box, Copy, copy_of
from connector.data.catalogue.search.find import ENOUGH, Answer, Index, SearchRequest, fits, search
from connector.foundation.errors import Mistake
from connector.foundation.storage import Database, Tx
from tests.conftest import TOWNS
from tests.testkit import municipal_datasets
from tests.testkit.search_quality import QUERIES, WAYS, fill_copies, real, recall

HERE, THERE = TOWNS
PROVIDER, OTHER = "did:web:seestadt.example", "did:web:auental.example"
CSV = {"dct:format": {"@id": "http://publications.europa.eu/resource/authority/file-type/CSV"}}


def entry(name: str, title: str, description: str = "", *keywords: str, **more: Any) -> dict[str, Any]:
    said = {name.replace("_", ":"): value for name, value in more.items()}
    return {
        "@id": f"urn:x:{name}",
        "dct:title": title,
        "dct:description": description,
        "dcat:keyword": [*keywords],
        **said,
    }


async def put(db: Database, town: str, *entries: dict[str, Any], provider: str = PROVIDER) -> None:
    for one in entries:
        await db.write(town, store.replace_entry, town, provider, copy_of(one))


@cache
def corpus(name: str) -> tuple[list[dict[str, Any]], list[Copy]]:
    """Its entries, and what is kept of each: the same on either database."""
    entries = [*municipal_datasets.datasets()] if name == "own" else real()
    return entries, [copy_of(one) for one in entries]


async def asked(db: Database, text: str = "", town: str = HERE, **wanted: Any) -> Answer:
    return await db.read(town, search, town, SearchRequest(text=text, **wanted))


def names(answer: Answer) -> list[str]:
    return [hit.dataset.removeprefix("urn:x:") for hit in answer.hits]


async def test_who_is_about_the_words_comes_before_who_mentions_them(any_db: Database) -> None:
    """>> a word in the title, as a part of it, as a keyword, in the text, and a part in the text << in this order."""
    await put(
        any_db,
        HERE,
        entry("text", "Anderes", "Viele Hecken."),
        entry("title", "Hecken"),
        entry("keyword", "Anderes", "", "Hecke"),
        entry("part", "Heckenweg"),
        entry("mention", "Anderes", "Am Heckenweg."),
        entry("none", "Wege"),
    )
    answer = await asked(any_db, "Hecke")
    assert names(answer) == ["title", "part", "keyword", "text", "mention"]
    assert (answer.total, answer.tier) == (5, 3)


async def test_of_equals_the_newest_comes_first_then_the_iri(any_db: Database) -> None:
    dated = [("b", "2024-01-01"), ("a", "2024-01-01"), ("new", "2025-01-01"), ("unknown", "")]
    await put(any_db, HERE, *(entry(name, "Radwege", dct_modified=day) for name, day in dated))
    assert names(await asked(any_db, "Radwege")) == ["new", "a", "b", "unknown"]


async def test_neither_who_shows_it_nor_how_much_counts(any_db: Database) -> None:
    """>> the same dataset by one who shows much and one who shows little << side by side, by their IRIs."""
    await put(any_db, HERE, *(entry(f"much{number}", "Hecken und Zäune") for number in range(5)))
    await put(any_db, HERE, entry("little", "Hecken und Zäune"), provider=OTHER)
    assert names(await asked(any_db, "Hecken"))[0] == "little"


async def test_it_widens_only_while_too_little_answers(any_db: Database) -> None:
    """>> many with the word, one with a part of it << the part is not among them; with one less it is."""
    await put(
        any_db, HERE, *(entry(f"w{number}", "Radwege") for number in range(ENOUGH)), entry("part", "Wege am Fluss")
    )
    first = await asked(any_db, "Radwege")
    assert (first.tier, first.total) == (1, ENOUGH)
    await any_db.write(HERE, store.forget, HERE, PROVIDER, ["urn:x:w0"])
    wider = await asked(any_db, "Radwege")
    assert wider.tier == 3
    assert names(wider)[-1] == "part"


async def test_a_part_of_a_word_is_also_found_by_what_means_the_same(any_db: Database) -> None:
    """>> a compound whose part has synonyms << who has one of those is found, after who has the part."""
    await put(any_db, HERE, entry("same", "Abfall"), entry("part", "Müll"), entry("else", "Lampen"))
    assert names(await asked(any_db, "Müllsatzung")) == ["part", "same"]


async def test_a_slip_is_mended_and_said_and_a_known_word_is_not(any_db: Database) -> None:
    """>> a slip; then a dataset that is really called so << mended; then found as it is typed."""
    await put(any_db, HERE, entry("trees", "Baumkataster"))
    answer = await asked(any_db, "Baumkatatser")
    assert (names(answer), dict(answer.mended)) == (["trees"], {"Baumkatatser": "Baumkataster"})
    await put(any_db, HERE, entry("odd", "Baumkatatser"))
    answer = await asked(any_db, "Baumkatatser")
    assert (names(answer)[0], dict(answer.mended)) == ("odd", {})


@pytest.mark.threat("T79")
async def test_what_another_town_was_shown_mends_nothing_here(any_db: Database) -> None:
    """>> a word that only the other town's copies know << unknown here: no hit, and not kept from being mended."""
    await put(any_db, THERE, entry("odd", "Baumkatatser"))
    await put(any_db, HERE, entry("trees", "Baumkataster"))
    answer = await asked(any_db, "Baumkatatser")
    assert (names(answer), dict(answer.mended)) == (["trees"], {"Baumkatatser": "Baumkataster"})


@pytest.mark.threat("T79")
async def test_each_town_finds_what_it_was_shown_and_nothing_else(any_db: Database) -> None:
    """>> one dataset shown to both, one to each << each finds its two, by words, facets, place, time and likeness."""
    about = {
        "dct_temporal": {"dcat:startDate": "2020-01-01"},
        "dct_spatial": {"dcat:bbox": "8,53,9,54"},
        "distribution": CSV,
    }
    for town, secret in ((HERE, "hier"), (THERE, "dort")):
        await put(any_db, town, entry("both", "Hecken", **about), entry(secret, f"Hecken {secret}", **about))
    everything: list[dict[str, Any]] = [
        {"text": "Hecken"},
        {},
        {"facets": (("format", ("CSV",)),)},
        {"box": Box(8_000_000, 53_000_000, 8_100_000, 54_000_000)},
        {"period": (1_600_000_000_000, 1_600_000_000_001)},
        {"text": "Hecken", "like": True},
        {"since": 0},
        {"text": "Hecken dort hier"},
    ]
    for wanted in everything:
        for town, own in ((HERE, "hier"), (THERE, "dort")):
            answer = await asked(any_db, town=town, **wanted)
            assert sorted(names(answer)) == sorted(["both", own]), wanted
            assert answer.total == 2, wanted
            assert answer.counts["format"] == {"CSV": 2}, wanted
    found = await any_db.read(HERE, lambda tx: search(tx, THERE, SearchRequest(text="Hecken")))
    assert found.total == (0 if any_db.dialect == "postgres" else 2), "the second lock: another participant's scope"


async def test_facets_are_counted_over_all_and_narrow(any_db: Database) -> None:
    old, new = "2001-01-01", "2001-01-02"
    await put(
        any_db,
        HERE,
        entry("a", "Hecken", dcat_theme="ENVI", distribution=CSV, dct_modified=old),
        entry("b", "Hecken", dcat_theme=["ENVI", "TRAN"], dct_modified=new),
        entry("c", "Hecken"),
    )
    await put(any_db, HERE, entry("d", "Hecken", dcat_theme="TRAN"), provider=OTHER)
    answer = await any_db.read(HERE, lambda tx: search(tx, HERE, SearchRequest(text="Hecken"), limit=1))
    assert {name: dict(of) for name, of in answer.counts.items()} == {
        "theme": {"ENVI": 2, "TRAN": 2},
        "format": {"CSV": 1},
        "provider": {PROVIDER: 3, OTHER: 1},
        "freshness": {"older": 2, "unknown": 2},
        "rule": {"none": 4},
    }
    narrowed = [
        ({"facets": (("rule", ("none",)),)}, "abcd"),
        ({"facets": (("rule", ("other",)),)}, ""),
        ({"facets": (("theme", ("ENVI",)),)}, "ab"),
        ({"facets": (("theme", ("ENVI", "TRAN")),)}, "abd"),
        ({"facets": (("theme", ("TRAN",)), ("format", ("CSV",)))}, ""),
        ({"since": 978_390_000_000}, "b"),
    ]
    for wanted, expected in narrowed:
        assert "".join(sorted(names(await asked(any_db, "Hecken", **wanted)))) == expected, wanted
    among = await any_db.read(HERE, lambda tx: search(tx, HERE, SearchRequest(), among=(OTHER,)))
    nobody = await any_db.read(HERE, lambda tx: search(tx, HERE, SearchRequest(), among=()))
    assert (names(among), names(nobody)) == (["d"], [])


async def test_place_and_time_are_asked_for_and_what_has_none_is_not_meant(any_db: Database) -> None:
    await put(
        any_db,
        HERE,
        entry("north", "Nord", dct_spatial={"dcat:bbox": "8,53,9,54"}, dct_temporal={"dcat:endDate": "2020-06-30"}),
        entry(
            "south", "Süd", dct_spatial={"dcat:centroid": "11.5,48.1"}, dct_temporal={"dcat:startDate": "2021-01-01"}
        ),
        entry("none", "Ohne"),
    )
    boxes = {(8.5, 53.5, 12.0, 55.0): ["north"], (8.0, 48.0, 12.0, 54.0): ["north", "south"], (0.0, 0.0, 1.0, 1.0): []}
    for (west, south, east, north), expected in boxes.items():
        box = Box(*(round(each * 1_000_000) for each in (west, south, east, north)))
        assert sorted(names(await asked(any_db, box=box))) == expected
    july = (1_593_554_400_000, 1_596_232_799_999)
    assert names(await asked(any_db, period=july)) == []
    assert names(await asked(any_db, period=(0, july[0] - 1))) == ["north"]
    assert names(await asked(any_db, period=(july[0], 4_000_000_000_000))) == ["south"]


async def test_everything_is_leafed_through_the_newest_first(any_db: Database) -> None:
    """>> no word, by twos << each of seven once, in order, and all counted on each page."""
    days = {f"r{number}": f"2020-01-0{1 + number // 2}" for number in range(7)}
    await put(any_db, HERE, *(entry(name, "Radwege", dct_modified=day) for name, day in days.items()))
    await put(any_db, THERE, entry("hidden", "Radwege", dct_modified="2020-01-02"))
    seen, after, totals = list[str](), None, set[int]()
    while True:
        answer = await any_db.read(HERE, search, HERE, SearchRequest(), after=after, limit=2, counts=False)
        seen, after, totals = [*seen, *names(answer)], answer.following, totals | {answer.total}
        if after is None:
            break
    assert (seen, totals) == (sorted(days, key=lambda name: (-int(days[name][-1]), name)), {7})


async def test_pages_are_whole_and_belong_to_one_asker_and_question(any_db: Database) -> None:
    """>> seven by twos, one in front is added meanwhile << each of the seven once; foreign, forged, cut: refused."""
    for town in TOWNS:
        await put(any_db, town, *(entry(f"r{number}", "Radwege", dct_modified="2020-01-01") for number in range(7)))
    index, wanted = Index(b"k" * 32), SearchRequest(text="Radwege")

    def page(tx: Tx, mark: str | None) -> tuple[Answer, str | None]:
        return index.find(tx, tx.scope, wanted, mark, limit=2)

    seen, mark, first = list[str](), None, ""
    while True:
        answer, mark = await any_db.read(HERE, page, mark)
        seen += names(answer)
        if mark is None:
            break
        first = first or mark
        await put(any_db, HERE, entry("a0", "Radwege", dct_modified="2021-01-01"))
    assert seen == [f"r{number}" for number in range(7)]
    forged = [first[:-4], first + "AAAA", "", "x" * 9_000, "ä", first[40:]]
    for bad in forged:
        with pytest.raises(Mistake, match=r"search\.page"):
            await any_db.read(HERE, page, bad)
    with pytest.raises(Mistake, match=r"search\.page"):
        await any_db.read(THERE, page, first)
    with pytest.raises(Mistake, match=r"search\.page"):
        await any_db.read(HERE, lambda tx: index.find(tx, HERE, SearchRequest(text="Wege"), first))


HOSTILE = (
    '"',
    '"" OR 1',
    "baum*",
    "NEAR(a b, 3)",
    "title : x",
    "a AND",
    "NOT",
    "(",
    ")",
    "-",
    "^a",
    "{a b} : c",
    "'); DROP TABLE copy_entry; --",
    "a & b | !c",
    "a:*",
    "<->",
    "\\",
    "%",
    "_",
    "\x00",
    "\x00Hecken",
    "\u202eHecken",
    "🌳",
    "der die das",
    "+",
    "~daycare",
    "@x",
    "a" * (1 << 20),
    "Hecken " * 50_000,
    "(" * 10_000,
    " ".join(f"w{n}" for n in range(2_000)),
    "\n\r\t",
    "Ⅷ ½ ﬁ",
)


async def test_no_text_is_syntax(any_db: Database) -> None:
    """>> operators, quotes, NUL, megabytes, stop words << an answer, never an error; nothing but what is meant."""
    await put(any_db, HERE, entry("x", "Hecken", "der die das"))
    for text in HOSTILE:
        for like in (False, True):
            answer = await asked(any_db, text, like=like)
            assert set(names(answer)) <= {"x"}, text[:40]
            assert bool(answer.hits) == ("Hecken" in text or not (like or text.strip())), text[:40]
    nothing = [await asked(any_db, text) for text in ("der die das", "!!!")]
    assert [answer.total for answer in nothing] == [0, 0]


async def test_a_draft_finds_what_exists_already(any_db: Database) -> None:
    """>> title and description of a draft << what is like it, not what mentions it; of fresh answers the same."""
    made = [
        entry("same", "Baumkataster Seestadt", "Standorte der Bäume"),
        entry("near", "Bäume an Straßen"),
        entry("far", "Verkehrszählung Seestadt", "An Straßen mit Bäumen"),
        entry("none", "Mietspiegel"),
    ]
    await put(any_db, HERE, *made)
    text = "Städtisches Baumkataster. Alle Bäume der Stadt mit Art"
    assert names(await asked(any_db, text, like=True)) == ["near", "same"]
    assert [fits(SearchRequest(text=text, like=True), copy_of(one)) for one in made] == [True, True, False, False]


async def test_what_comes_just_now_is_narrowed_by_the_same_rules(any_db: Database) -> None:
    """>> questions about facets, place, time << of each entry the same answer as the database gives."""
    place = {"dcat:bbox": "8,53,9,54"}
    made = [
        entry("a", "A", dcat_theme="ENVI", distribution=CSV, dct_modified="2020-01-01", dct_spatial=place),
        entry("b", "B", dcat_theme="TRAN", dct_temporal={"dcat:startDate": "2020-01-01", "dcat:endDate": "2020-12-31"}),
        entry("c", "C"),
    ]
    await put(any_db, HERE, *made)
    for wanted in (
        SearchRequest(facets=(("theme", ("ENVI", "TRAN")),)),
        SearchRequest(facets=(("theme", ("ENVI",)), ("format", ("CSV",)))),
        SearchRequest(since=1_577_000_000_000),
        SearchRequest(box=Box(8_500_000, 53_500_000, 10_000_000, 55_000_000)),
        SearchRequest(period=(1_590_000_000_000, 1_590_000_000_001)),
        SearchRequest(period=(0, 1)),
    ):
        answer = await any_db.read(HERE, search, HERE, wanted)
        assert sorted(names(answer)) == [one["@id"][-1] for one in made if fits(wanted, copy_of(one))], wanted


async def test_huge_texts_are_stored_and_found_by_their_beginning(any_db: Database) -> None:
    await put(any_db, HERE, entry("huge", "Hecken " + "x" * 5_000, "y z " * 60_000, *(f"k{n}" for n in range(2_000))))
    answer = await asked(any_db, "Hecken")
    assert msgspec.json.decode(answer.hits[0].entry)["dct:description"].startswith("y z ")


@pytest.mark.parametrize(
    ("every", "corpora"), [(6, ["own"]), pytest.param(1, ["own", "real"], marks=pytest.mark.long)], ids=["some", "all"]
)
async def test_the_judged_queries_find_their_answers(
    every: int, corpora: list[str], any_db: Database, other_answers: dict[str, Any]
) -> None:
    """>> queries of people, as typed, umlauts spelt out and left out, with slips << nine of ten answers each way.

    And the same hits, in the same order, on both databases, as typed; `hanse bench search` compares all of them.
    """
    for name, town in zip(corpora, TOWNS, strict=False):
        entries, copies = corpus(name)
        await fill_copies(any_db, town, copies)
        for way in WAYS if any_db.dialect == "sqlite" else WAYS[:1]:
            outcome = await recall(any_db, town, name, QUERIES[name][::every], way, [one["@id"] for one in entries])
            assert outcome.queries >= (10 if every == 1 and entries else 1)
            assert outcome.recall >= 0.9 - 1e-9, (way.__name__, name, outcome.misses)
            before = other_answers.setdefault(f"{every} {way.__name__} {name}", outcome.answers)
            assert outcome.answers == before


@pytest.fixture(scope="module")
def other_answers() -> dict[str, Any]:
    """What the other database answered."""
    return {}
