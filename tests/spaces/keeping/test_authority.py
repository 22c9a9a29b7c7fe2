"""An authority whose rules nobody could read would be one that nobody joins: it hears so at once."""

import pytest

from connector.errors import Mistake
from connector.spaces.documents import Description
from connector.spaces.model import Rules
from tests.spaces.conftest import COUNTY, COUNTY_KIND, RULES, TOWN, Start
from tests.testkit.cities import City

UNREADABLE = {
    "a text that turns": Rules(text="Für Gemeinden \u202egnutiel"), "a point that turns": Rules(checklist=("\u2066a",)),
    "a bell": Rules(documents=("Brief\x07",)), "half a sign": Rules(text="\ud800"),
    "a blank point": Rules(checklist=(" ",)),
    "a blank document": Rules(documents=("",)),
    "too long": Rules(text="\\" * 4_000, **dict.fromkeys(("documents", "checklist"), ("😀" * 200,) * 20),
                      kinds=("😀" * 300,) * 50),
}  # fmt: skip


async def test_rules_that_no_applicant_could_read_are_refused(start: Start) -> None:
    """>> a space begun, or its rules changed, with signs that steer a screen, blanks, or too much << refused, nothing
    changed; with lines and quotes << read at the other end as they are."""
    city: City = await start("county", COUNTY, COUNTY_KIND)
    authority = city.services.spaces.authority
    for named, rules in UNREADABLE.items():
        with pytest.raises(Mistake) as refused:
            await authority.create(COUNTY, "Datenraum", rules)
        assert refused.value.code == "spaces.rules", named
    kept = await authority.create(COUNTY, "Datenraum", RULES)
    for named, rules in UNREADABLE.items():
        with pytest.raises(Mistake) as refused:
            await authority.change_rules(COUNTY, rules)
        assert refused.value.code == "spaces.rules", named
    assert (await authority.description(COUNTY)).rules == kept.rules
    said = Rules(text='Erste Zeile\n\t"zweite" שלום', documents=("Brief",))
    await authority.change_rules(COUNTY, said)
    town = await start("town", TOWN)
    found: Description = await town.services.spaces.joining.look(f"{city.root(COUNTY)}/space#{'a' * 43}")
    assert found.rules == said
