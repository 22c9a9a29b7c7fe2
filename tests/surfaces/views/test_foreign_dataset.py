"""What the page of a member's dataset says, whatever its catalogue brings."""

from typing import Any

import pytest

from connector.surfaces.views.dataset import hit
from connector.surfaces.views.foreign_dataset import MOST, ForeignDatasetView, foreign

FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
THEME = "http://publications.europa.eu/resource/authority/data-theme/ENVI"
BOX = "POLYGON((8.6 49.8, 8.8 49.8, 8.8 49.9, 8.6 49.9, 8.6 49.8))"


def shown(**said: Any) -> ForeignDatasetView:
    entry = {"@id": "urn:d", "dct:title": "Bäume", **{name.replace("_", ":", 1): one for name, one in said.items()}}
    return foreign(hit("did:web:a", "A", entry, [], "2026-01-01T00:00:00Z", "live"), entry)


def test_what_is_said_is_read_in_words() -> None:
    found = shown(
        dcat_theme=[{"@id": THEME}],
        dct_accrualPeriodicity={"@id": FREQUENCY},
        dcat_keyword=["Bäume", "Grün"],
        dct_spatial=[{"dcat:bbox": BOX}],
        dct_modified="2026-01-02T00:00:00Z",
        dct_temporal=[{"dcat:startDate": "2025-01-01", "dcat:endDate": "2025-12-31"}],
    )
    assert [one["de"] for one in found.themes] == ["Umwelt"]
    assert found.frequency is not None
    assert found.frequency["de"]
    assert found.keywords == ["Bäume", "Grün"]
    assert found.box == (8.6, 49.8, 8.8, 49.9)
    assert found.modified == "2026-01-02T00:00:00Z"
    assert found.starts is not None
    assert found.ends is not None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"dct_spatial": "x", "dct_temporal": 7, "dcat_theme": {"@id": 3}, "dcat_keyword": {"a": "b"}},
        {"dct_accrualPeriodicity": [1, 2], "dct_modified": {"@value": "gestern"}},
        {"dcat_keyword": ["a\nb\u202e" + "x" * 500] * 100, "dct_spatial": [{"dcat:bbox": "POLYGON((999 999))"}]},
        {"hasPolicy": "nothing"},
    ],
    ids=str,
)
def test_whatever_a_stranger_writes_is_shown_or_left_out(said: dict[str, Any]) -> None:
    """>> other types than they should be, control characters, far too much << plain, bounded, no error."""
    found = shown(**said)
    assert len(found.keywords) <= MOST
    assert all(word.isprintable() and len(word) <= 80 for word in found.keywords)
    assert found.box is None
    assert found.modified is None
