"""All steps of a move between two running processes, as their operators do them."""

from tests.testkit.cities import City


async def moved(old: City, new: City, slug: str) -> tuple[dict[str, object], str]:
    """What the new operator is told at the end, and the statement of the hand-over."""
    expected = await new.api.post("/api/v1/arrivals", {"slug": slug})
    wish = {"to": expected["address"], "fingerprint": expected["fingerprint"]}
    await old.api.post(f"/api/v1/participants/{slug}/move", wish)
    archive = await old.api.get(f"/api/v1/participants/{slug}/move/archive")
    taken = await new.api.post(f"/api/v1/arrivals/{slug}/archive", data=archive)
    handed = await old.api.post(f"/api/v1/participants/{slug}/move/hand-over", {"receipt": taken["receipt"]})
    statement = str(handed["statement"])
    return dict(await new.api.post(f"/api/v1/arrivals/{slug}/begin", {"statement": statement})), statement
