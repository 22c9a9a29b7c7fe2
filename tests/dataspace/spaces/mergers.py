"""A town that moved to another town's provider and is part of that one, as far as a test wants it."""

from typing import Final

from connector.dataspace.spaces.documents import Description, RequestClaims
from connector.dataspace.spaces.model import Rules
from tests.cities.moves import moved
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, RULES, UNLISTED, County, all_joined
from tests.testkit.cities import MUNICIPALITY, City, Space

PART, WHOLE, PARTNER = "musterdorf", "musterstadt", "nachbardorf"
DAY: Final = "2026-01-01"


async def founded(space: Space, rules: Rules = RULES) -> County:
    """A county that keeps a space."""
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await county.found(rules)
    return county


async def together(space: Space, county: County, *slugs: str) -> City:
    """Towns at one provider, all of them members."""
    city = await space.city("towns", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED)
    await all_joined(city, slugs, county)
    await listed(county, city)
    return city


async def listed(county: County, *cities: City) -> None:
    """The next list is made, and these have it."""
    await county.issue()
    for city in cities:
        await city.services.trust.listing.reload()


async def carried(old: City, new: City, county: County, *cities: City, slug: str = PART) -> str:
    """A member works at another provider, and the list says so; its former DID."""
    did = old.did(slug)
    await moved(old, new, slug)
    await new.services.spaces.joining.tell_keys(await new.services.participants.get(slug))
    await listed(county, new, *cities)
    return did


async def space_of(county: County) -> str:
    said: Description = await county.authority.description(COUNTY)
    return said.space


async def say(city: City, slug: str, county: County, member: str = "", into: str = "", day: str = DAY) -> None:
    """As the command does it: one of both says it to the authority."""
    body = {"space": await space_of(county), "member": member, "into": into, "since": day}
    await city.api.post(f"/api/v1/participants/{slug}/spaces/merge", body)


async def withdraw(city: City, slug: str, county: County, member: str = "") -> None:
    """As the command does it: takes back what it said of itself, or of that member."""
    await city.api.post(
        f"/api/v1/participants/{slug}/spaces/merge/withdraw", {"space": await space_of(county), "member": member}
    )


async def approve(county: County, did: str, *people: str) -> list[dict[str, object]]:
    base, found = f"/api/v1/participants/{COUNTY}/space/mergers", {}
    for who in people or PEOPLE[:2]:
        found = await county.city.api.post(f"{base}/approve", {"did": did, "who": who})
    return list(found["mergers"])


async def merged(city: City, county: County, part: str = PART, whole: str = WHOLE) -> None:
    """Both at one provider say so, and two people agree."""
    await say(city, part, county, into=city.did(whole))
    await say(city, whole, county, member=city.did(part))
    await approve(county, city.did(part))


async def claim(city: City, slug: str, **said: str) -> None:
    """A signed request about a merger, whatever it says."""
    joining = city.services.spaces.joining
    one = (await joining.all(slug))[0]
    claims = RequestClaims(**{"space": one.space, "request": "merge", "since": "2026-01-01T00:00:00Z", **said})  # type: ignore[arg-type]
    await joining.request(await city.services.participants.get(slug), one, claims)
