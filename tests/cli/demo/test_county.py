"""`hanse demo --space`: three operators, a county that keeps a space, and refusals that are tried."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from connector.cli.demo import exchanges
from connector.cli.demo.county import STEPS, County
from connector.cli.demo.knock import REFUSED, doors
from connector.cli.demo.place import CENTRE, COUNTY, PROVIDER, Place
from connector.cli.demo.show import CountyShow
from connector.cli.frame.client import Api
from connector.cli.main import main
from connector.foundation.errors import Unavailable
from tests.cli.demo.driven import told, wait_until_gone
from tests.dataspace.spaces.conftest import UNLISTED
from tests.testkit.cities import City, Space

NAMES = [step.name for step in STEPS]
UNTIL_JOINED = [step for step in STEPS if step.name in ("found", "invite", "apply", "refuse-pending", "approve")]


class Server:
    """A city as the demonstration sees a server process."""

    def __init__(self, city: City) -> None:
        self.city, self.folder, self.pid = city, city.settings.folder, 0
        self.api, self.url = Api(city.settings.api.socket), "https://localhost:1"


@pytest.fixture
async def place(space: Space, tmp_path: Path) -> Place:
    """Three operators in this process, their folders where the demonstration has them."""
    made = Place(space.folder.parent, {})
    made.results.mkdir()
    for name in (COUNTY, PROVIDER, CENTRE):
        made.servers[name] = cast(Any, Server(await space.city(name, {}, UNLISTED)))
    made.roots.write_bytes(space.roots)
    return made


async def test_what_it_says_was_refused_was_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """>> all steps up to the approval, in this process << every door refused by code; shown in both languages."""
    tour = County(place, None, "de")
    facts = {step.name: await asyncio.to_thread(step.act, tour) for step in UNTIL_JOINED}
    assert facts["refuse-pending"]["doors"] == len(doors(place.servers[PROVIDER].folder)) > 15
    assert (facts["refuse-pending"]["stolen"], facts["approve"]["people"]) == ("spaces.code", 2)
    for lang in ("de", "en"):
        show = CountyShow(lang, as_json=False)
        for number, step in enumerate(UNTIL_JOINED, 1):
            show.begin(number, step.name)
            show.done(step.name, facts[step.name], 12)
    out = capsys.readouterr().out
    assert "{" not in out
    assert "ABGELEHNT: alle" in out
    assert tour.link not in out
    await asyncio.to_thread(tour._soon, lambda: set(tour._knocked()) - REFUSED)
    with pytest.raises(Unavailable, match="door-open"):
        await asyncio.to_thread(tour.refuse_pending)  # for now it is a member


def test_an_application_that_is_refused_ends_the_step_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the authority refuses << its reason, not a complaint that nothing waits."""
    tour = County(Place(tmp_path, {}), None, "de")
    monkeypatch.setattr(tour, "_applications", list)
    with pytest.raises(Unavailable, match="not-pending") as ended:
        tour._waiting({"state": "refused", "reason": "spaces.applied-already"})
    assert ended.value.facts["reason"] == "spaces.applied-already"


def test_what_never_comes_ends_the_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exchanges, "_PATIENCE_S", 0.0)
    with pytest.raises(Unavailable, match="too-long"):
        County(Place(tmp_path, {}), None, "de")._soon(lambda: None)


@pytest.mark.long
def test_the_whole_way_between_three_processes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """>> into a kept folder << all steps, a bundle that the key of the space vouches for, no process left."""
    code, found, err = told("--space", "--keep", str(tmp_path_factory.mktemp("s")))
    assert (code, list(found)) == (0, NAMES), err
    assert all(step["ok"] is True for step in found.values())
    wait_until_gone([one["pid"] for one in found["found"]["servers"]])
    assert found["verify"]["verdict"] == "PASSED"
    assert main(["verify", found["verify"]["bundle"], "--trust", found["verify"]["trust"]], {}) == 0
    assert "space#" not in json.dumps(found)


@pytest.mark.long
def test_a_step_that_fails_ends_it_with_1() -> None:
    code, found, err = told("--space", "--file", "/nowhere/trees.csv")
    assert (code, found["found"]["ok"], found["found"]["party"]) == (1, False, "Landkreis Muster")
    assert "/nowhere/trees.csv" in err
