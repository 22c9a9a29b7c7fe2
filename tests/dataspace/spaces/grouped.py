"""Groups as tests of several files begin them, ask for them, and read them in the list."""

from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import GroupAct, RequestClaims
from connector.identity.trust.members.trust_list import Entry
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, County
from tests.testkit.cities import City

ANNA = PEOPLE[0]
FOREST = "wald"


async def begun(county: County, keeper: str = "", name: str = FOREST) -> str:
    """The IRI of a group of that name."""
    made = await county.city.services.spaces.groups.put(COUNTY, name, {"de": "Waldgemeinden"}, keeper, ANNA)
    return made.iri


async def wish(city: City, slug: str, act: GroupAct, group: str, did: str = "") -> None:
    claims = RequestClaims(space=grouping.space_of(group), request=act, group=group, member=did)
    await city.services.spaces.elsewhere.ask(slug, claims)


async def known(county: County, *cities: City) -> None:
    """The next list is made, and these have it."""
    await county.issue()
    for city in cities:
        await city.services.trust.listing.reload()


def listed(county: County, did: str) -> Entry:
    found = county.city.services.trust.anchor.entry(did)
    assert found is not None
    return found
