"""Sources for programs: what can be registered, what waits to be published, and no login in any of it."""

import pytest

from tests.testkit.cities import MUNICIPALITY, Refused, Space

US, NEIGHBOUR = "/api/v1/participants/musterstadt/sources", "/api/v1/participants/nachbardorf/sources"
LOGIN = "Basic c2VjcmV0"


@pytest.mark.threat("T191")
async def test_a_program_registers_what_it_was_told_to_ask_for(space: Space) -> None:
    """>> the kinds >> one of them, with a login << waits for whoever publishes it; the login is in no answer."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    [http] = (await city.api.get(f"{US}/kinds"))["kinds"]
    assert (http["kind"], http["title"]["de"], http["resumes"]) == ("http", "Adresse im Internet", "if-served")
    asked = [(one["name"], one["asked"], one["required"]) for one in http["parameters"]]
    assert asked == [("url", "address", True), ("authorization", "secret", False)]
    assert all(one[text][lang] for one in http["parameters"] for text in ("label", "hint") for lang in ("de", "en"))
    wish = {"kind": "http", "parameters": {"url": "https://a.example/x.csv", "authorization": LOGIN}, "name": "x.csv"}
    made = await city.api.post(US, wish)
    assert made == {"source": made["source"], "media_type": "text/csv"}
    found = await city.api.get(US)
    [one] = found["sources"]
    assert (one["source"], one["location"], one["live"]) == (made["source"], "https://a.example/x.csv", True)
    assert (one["secrets"], one["parameters"], one["bytes"]) == (True, {}, None)
    assert LOGIN not in str(found)
    assert (await city.api.get(NEIGHBOUR))["sources"] == []


async def test_what_can_be_no_source_is_refused_by_name(space: Space) -> None:
    """>> another kind, an address inwards, nothing, too much << 400, and nothing waits."""
    city = await space.city("it", {"musterstadt": MUNICIPALITY})
    url = "https://a.example/x.csv"
    for kind, parameters, code in (
        ("tape", {"url": url}, "sources.kind"),
        ("file", {"location": "/etc/passwd"}, "sources.kind"),
        ("http", {"url": "http://a.example/x"}, "sources.address"),
        ("http", {}, "sources.missing"),
        ("http", {"url": url, "path": "x"}, "sources.unknown-parameter"),
        ("http", {"url": url, "authorization": "Basic\nHost: b"}, "sources.parameter"),
    ):
        wish = {"kind": kind, "parameters": parameters, "name": "x.csv"}
        with pytest.raises(Refused) as told:
            await city.api.post(US, wish)
        assert (told.value.status, told.value.problem["code"]) == (400, code)
    assert (await city.api.get(US))["sources"] == []
