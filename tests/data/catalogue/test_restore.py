"""An earlier revision is said again: everything that a steward answers comes back, and nothing else is touched."""

from msgspec.structs import replace

from connector.data.catalogue.describe import Answers, Translation, described
from connector.data.catalogue.restore import answers_of
from connector.kernel.metadata.record.model import DatasetRecord

WORDS = Answers(
    title="Bäume",
    description="Alle",
    keywords=["Baum"],
    licence="dl-by-de/2.0",
    attribution="Stadt",
    themes=["ENVI"],
    frequency="ANNUAL",
    start="2020",
    end="2021-05-01",
    box=[8.1, 49.1, 8.2, 49.2],
    label="3",
    notes="neu",
    concept="floraUndFauna/baumbestand/baumkataster",
    translations={"en": Translation(title="Trees", description="All", keywords=["tree"])},
)


def test_what_was_said_is_said_again() -> None:
    before = described(DatasetRecord(title={}), WORDS)
    now = described(
        before,
        Answers(
            title="Anders",
            description="",
            keywords=[],
            themes=[],
            frequency="",
            start="",
            end="",
            box=[],
            concept="",
            translations={"en": Translation(title="Other"), "fr": Translation(title="Autre")},
        ),
    )
    wish = answers_of(before, now, 2)
    assert (wish.revision, described(now, wish)) == (2, before)


def test_files_elsewhere_stay_as_they_are() -> None:
    before = described(DatasetRecord(title={}), WORDS)
    now = replace(described(before, Answers(title="Anders")), distributions=before.distributions)
    assert described(now, answers_of(before, now, None)).distributions == now.distributions
