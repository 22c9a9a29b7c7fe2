"""Figures on the page: a number, its table, its entries; what strangers wrote is shown and never run."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.foundation.language import say
from connector.surfaces.web.figures import view
from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import MUNICIPALITY, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
NASTY = '=HYPERLINK("x")<img src=x onerror=alert(1)>'


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[Opened]:
    """A town whose data are used, under a title that would run if it were let."""
    async with (
        space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}) as city,
        open_desk(city.services) as opened,
    ):
        made = await city.publish(TOWN, title=NASTY)
        signed = await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
        await city.fetch(VILLAGE, signed["agreement"])
        yield opened


class _Reader:
    """Of a call what says a duration: her language."""

    lang = "en"

    def say(self, key: str, **facts: Any) -> str:
        return say(key, self.lang, **facts)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "less than a second"), (1, "one second"), (1.4, "one second"), (1.6, "2 seconds"), (119, "119 seconds")],
)
def test_bug_one_second_was_in_the_plural(seconds: float, said: str) -> None:
    call: Any = _Reader()
    assert view.duration(call, seconds) == said


@pytest.mark.threat("T85")
@pytest.mark.threat("T96")
async def test_each_number_opens_its_entries(desk: Opened) -> None:
    """>> the page, a figure, its entries as a file << the number, as many entries as it says, text that stays text."""
    anna = desk.browser({TOWN: ["auditor"]})
    page = await anna.get(f"/t/{TOWN}/figures")
    assert (page.status, page.h1) == (200, "Kennzahlen")
    assert "1 von 1 (100 %)" in page.words
    assert "noch kein Vertrag verglichen worden" in page.words
    assert "Keine Zahl: Wie viele Menschen" in page.words
    assert NASTY in page.words
    assert "<img src=x" not in page.text
    figure = await anna.get(f"/t/{TOWN}/figures/N1")
    assert figure.h1 == "Nachnutzungsquote"
    assert figure.words.count("Freigabe") == 1
    assert "Nachbardorf" in figure.words
    whole = await anna.get(f"/t/{TOWN}/figures/table.csv")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="{TOWN}-kennzahlen.csv"'
    assert "N1;1;;;1;1;datasets;3;\r\n" in whole.text
    entries = await anna.get(f"/t/{TOWN}/figures/N1/entries.csv")
    assert len(entries.text.splitlines()) == 4


async def test_pages_of_entries_end(desk: Opened) -> None:
    """>> the page after the last, no number, a figure that is none << empty, not there, not there."""
    anna = desk.browser({TOWN: ["steward"]}, lang="en")
    assert "no entry" in (await anna.get(f"/t/{TOWN}/figures/N1?page=7")).words
    for path in ("N1?page=x", "N1?page=-1", "N1?page=99999", "N17", "N17/entries.csv"):
        assert (await anna.get(f"/t/{TOWN}/figures/{path}")).status == 404, path
    assert (await anna.get(f"/t/{VILLAGE}/figures")).status == 404
