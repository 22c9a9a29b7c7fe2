"""What a person reads before anything goes out, and how lists show partners, subjects and times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.foundation.storage.database import Tx
from tests.testkit.cities import COMPANY, MUNICIPALITY, PURPOSE, Refused, Space
from tests.testkit.patience import eventually_said

TOWN, VILLAGE, FIRM = "musterstadt", "nachbardorf", "stadtwerke"


async def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        await call
    return refusal.value.status, refusal.value.problem["code"]


async def test_terms_are_read_before_they_are_asked_for(space: Space) -> None:
    """>> terms << who, what, the clauses, and nothing sent; >> the same digest << negotiated; another << refused."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN, description="Straßenbäume")
    base, wish = f"/api/v1/participants/{VILLAGE}", {"provider": "musterstadt", "dataset": made["dataset"]}
    shown = await city.api.post(f"{base}/terms", wish)
    assert (shown["provider"], shown["partner"], shown["title"]) == (city.did(TOWN), "Musterstadt", "Bäume")
    assert (shown["offer"], shown["met"]) == (made["offer"], True)
    assert [clause["badge"] for clause in shown["clauses"]]
    assert (await city.api.get(f"{base}/negotiations"))["negotiations"] == []
    wish |= {"purpose": PURPOSE}
    for other in ("0" * 64, shown["terms"][:7], ""):
        asked = city.api.post(f"{base}/negotiations", {**wish, "terms": other})
        assert await refused(asked) == (400, "api.terms-changed")
    assert shown["described"]["description"] == "Straßenbäume"
    for data in ("0" * 64, ""):
        asked = city.api.post(f"{base}/negotiations", {**wish, "terms": shown["terms"], "data": data})
        assert await refused(asked) == (400, "api.terms-changed")
    assert (await city.api.get(f"{base}/negotiations"))["negotiations"] == []
    done = await city.negotiate(VILLAGE, "Musterstadt", made["dataset"], terms=shown["terms"], data=shown["data"])
    assert (done["state"], done["terms"]) == ("FINALIZED", shown["terms"])


async def test_terms_of_ones_own_are_read_as_they_will_be_asked_for(space: Space) -> None:
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    base, wish = f"/api/v1/participants/{VILLAGE}", {"provider": city.did(TOWN), "dataset": made["dataset"]}
    plain = await city.api.post(f"{base}/terms", wish)
    policy = {name: value for name, value in plain["policy"].items() if name != "prohibition"}
    own = await city.api.post(f"{base}/terms", {**wish, "policy": policy})
    assert own["terms"] != plain["terms"]
    assert len(own["clauses"]) < len(plain["clauses"])


async def test_bug_terms_of_ones_own_with_another_spelling_were_a_defect_of_ours(space: Space) -> None:
    """>> terms of a file that names itself by `uid` and its target with a prefix << read and asked for under the names
    of the offer; terms that say one thing twice << the place, in words, before and when they are asked for."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    base, wish = f"/api/v1/participants/{VILLAGE}", {"provider": city.did(TOWN), "dataset": made["dataset"]}
    plain = await city.api.post(f"{base}/terms", wish)
    policy = {name: value for name, value in plain["policy"].items() if name != "@id"}
    wish["policy"] = {**policy, "uid": "urn:uuid:own", "odrl:target": "urn:own"}
    assert (await city.api.post(f"{base}/terms", wish))["terms"] == plain["terms"]
    done = await city.negotiate(VILLAGE, "Musterstadt", made["dataset"], policy=wish["policy"], terms=plain["terms"])
    assert (done["state"], done["terms"]) == ("FINALIZED", plain["terms"])
    wish["policy"] = {**policy, "odrl:permission": policy["permission"]}
    for call, more in (("terms", {}), ("negotiations", {}), ("negotiations", {"terms": "0" * 64})):
        asked = city.api.post(f"{base}/{call}", {**wish, "purpose": PURPOSE, **more})
        assert await refused(asked) == (400, "contracts.policy"), call


async def test_a_member_that_would_be_refused_reads_why_before_it_asks(space: Space) -> None:
    city = await space.city("it", {TOWN: MUNICIPALITY})
    firm = await space.city("firm", {FIRM: COMPANY})
    await space.reload(city, firm)
    made = await city.publish(TOWN)
    shown = await firm.api.post(
        f"/api/v1/participants/{FIRM}/terms", {"provider": "Musterstadt", "dataset": made["dataset"]}
    )
    assert shown["met"] is False
    assert "Kommune" in shown["reason"]["de"]


async def test_a_name_that_nobody_or_somebody_else_has_is_not_guessed(space: Space) -> None:
    """>> a slip of the pen << the nearest name, and nobody asked; >> two of one name << their DIDs."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    for slug in ("dorf", "weiler"):
        await city.api.post("/api/v1/participants", {"slug": slug, "name": "Neustadt", "kind": MUNICIPALITY})
    base = f"/api/v1/participants/{VILLAGE}"
    with pytest.raises(Refused) as refusal:
        await city.api.get(f"{base}/find", **{"from": "Mustersatdt"})
    assert refusal.value.problem["code"] == "api.nobody-called"
    assert "Musterstadt" in refusal.value.problem["reason"]["de"]
    for call in (
        city.api.get(f"{base}/find", **{"from": " neustadt "}),
        city.api.post(f"{base}/terms", {"provider": "NEUSTADT", "dataset": "urn:x"}),
        city.api.post(f"{base}/negotiations", {"provider": "Neustadt", "dataset": "urn:x"}),
        city.api.post(f"{base}/proposals", {"consumer": "Neustadt", "offer": "urn:x"}),
    ):
        assert await refused(call) == (400, "api.members-alike")
    assert (await city.api.get(f"{base}/find", **{"from": "musterstadt"}))["asked"] == 1


async def test_lists_show_partner_subject_state_and_times_on_both_sides(space: Space) -> None:
    """Bug: a steward could not tell contracts apart: lists showed IRIs and DIDs alone."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    signed = await city.negotiate(VILLAGE, "Musterstadt", made["dataset"])
    await city.fetch(VILLAGE, signed["agreement"])
    for slug, partner in ((TOWN, "Nachbardorf"), (VILLAGE, "Musterstadt")):
        base = f"/api/v1/participants/{slug}"
        for noun in ("negotiations", "agreements", "transfers"):
            (row,) = (await city.api.get(f"{base}/{noun}"))[noun]
            assert (row["partner"], row["title"]) == (partner, "Bäume"), (slug, noun)
            assert row["created_at"] > 1_700_000_000_000
        (agreement,) = (await city.api.get(f"{base}/agreements"))["agreements"]
        assert agreement["notice"] is None
        life = await city.api.get(f"{base}/agreements/{signed['agreement'][9:]}/life")
        assert (life["partner"], life["title"]) == (partner, "Bäume")


async def test_a_list_of_agreements_shows_a_notice(space: Space) -> None:
    """Bug: an agreement that somebody had given notice of looked like any other until its last day."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    signed = await city.negotiate(VILLAGE, "Musterstadt", made["dataset"])
    day = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    end = {"reason": "Nicht mehr nötig.", "notice": day}
    await city.api.post(f"/api/v1/participants/{VILLAGE}/agreements/{signed['agreement'][9:]}/end", end)
    (row,) = (await city.api.get(f"/api/v1/participants/{VILLAGE}/agreements"))["agreements"]
    assert (row["state"], row["notice"]["by"]) == ("finalized", "consumer")
    assert row["notice"]["effective"].startswith(day)


async def test_own_datasets_are_listed_in_words(space: Space) -> None:
    city = await space.city("it", {TOWN: MUNICIPALITY})
    made = await city.publish(TOWN)
    (row,) = (await city.api.get(f"/api/v1/participants/{TOWN}/datasets"))["datasets"]
    (terms,) = row["terms"]
    assert (row["title"], terms["offer"], terms["rule"]) == ("Bäume", made["offer"], "municipal-purpose")
    assert terms["visibility"] == "members"
    assert set(terms["title"]) == {"de", "en"}


async def test_adding_the_same_participant_again_is_no_error(space: Space) -> None:
    """Bug: a list of towns that broke off could not be given again. Other facts under the same slug stay refused."""
    city = await space.city("it", {TOWN: MUNICIPALITY})
    wish = {"slug": TOWN, "name": "Musterstadt", "kind": MUNICIPALITY}
    before = await city.api.get(f"/api/v1/participants/{TOWN}")
    assert await city.api.post("/api/v1/participants", wish) == before
    for other in ({"name": "Musterdorf"}, {"kind": COMPANY}, {"root": "https://else.example"}, {"operator": "X"}):
        assert await refused(city.api.post("/api/v1/participants", {**wish, **other})) == (400, "participants.taken")


async def test_nobody_concludes_a_contract_with_itself(space: Space) -> None:
    """Bug: asking oneself left a sealed contract behind that never came into force, and two negotiations for good."""
    city = await space.city("it", {TOWN: MUNICIPALITY})
    made = await city.publish(TOWN)
    base = f"/api/v1/participants/{TOWN}"
    for named in ("Musterstadt", city.did(TOWN)):
        wish = {"provider": named, "dataset": made["dataset"]}
        assert await refused(city.api.post(f"{base}/terms", wish)) == (400, "api.oneself")
        assert await refused(city.api.post(f"{base}/negotiations", {**wish, "purpose": PURPOSE})) == (
            400,
            "api.oneself",
        )
        offer = {"consumer": named, "offer": made["offer"]}
        assert await refused(city.api.post(f"{base}/proposals", offer)) == (400, "api.oneself")
    assert (await city.api.get(f"{base}/agreements"))["agreements"] == []


async def test_nobody_but_a_member_is_asked_for_terms(space: Space) -> None:
    """>> a DID that is on no list << refused before any of its addresses is looked up."""
    city = await space.city("it", {TOWN: MUNICIPALITY})
    wish = {"provider": "did:web:nowhere.example", "dataset": "urn:x"}
    assert await refused(city.api.post(f"/api/v1/participants/{TOWN}/terms", wish)) == (400, "api.no-member")


async def test_an_umlaut_may_be_put_together_in_either_way(space: Space) -> None:
    """Bug: a name typed on one system was nobody's on another."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    await city.api.post("/api/v1/participants", {"slug": "ue", "name": "\u00dcbelstadt", "kind": MUNICIPALITY})
    asked = city.api.post(
        f"/api/v1/participants/{TOWN}/terms", {"provider": "U\u0308belstadt", "dataset": "urn:uuid:none"}
    )
    assert (await refused(asked))[1] != "api.nobody-called"


async def test_a_list_that_is_given_again_signs_nothing_again(space: Space) -> None:
    """Bug: each town that was there already had the whole list of members made and signed once more."""
    city = await space.city("it", {TOWN: MUNICIPALITY})
    before = city.services.trust.anchor.current
    await city.api.post("/api/v1/participants", {"slug": TOWN, "name": "Musterstadt", "kind": MUNICIPALITY})
    assert city.services.trust.anchor.current is before


async def test_what_an_earlier_release_began_has_its_title(space: Space) -> None:
    """Bug: after an upgrade lists showed addresses for titles. >> no title kept << that of what was signed."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    await city.negotiate(VILLAGE, "Musterstadt", made["dataset"])
    for slug in (TOWN, VILLAGE):
        await city.services.infra.db.write(slug, forget_titles, slug)
        base = f"/api/v1/participants/{slug}"
        (case,) = (await city.api.get(f"{base}/negotiations"))["negotiations"]
        (agreement,) = (await city.api.get(f"{base}/agreements"))["agreements"]
        one = await city.api.get(f"{base}/negotiations/{case['id']}")
        assert [row["title"] for row in (case, agreement, one)] == ["Bäume"] * 3


def forget_titles(tx: Tx, slug: str) -> None:
    tx.run("UPDATE negotiation SET title = '' WHERE participant = :slug", slug=slug)


async def test_a_proposal_has_the_title_that_its_reader_saw(space: Space) -> None:
    """Bug: what a provider proposed stood under an address, in front of whoever was to accept it."""
    city = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await city.publish(TOWN)
    offered = {"consumer": "Nachbardorf", "offer": made["offer"]}
    await city.api.post(f"/api/v1/participants/{TOWN}/proposals", offered)
    base = f"/api/v1/participants/{VILLAGE}/negotiations"

    async def titled() -> bool:
        return [one["title"] for one in (await city.api.get(base))["negotiations"]] == ["Bäume"]

    await eventually_said(titled)
