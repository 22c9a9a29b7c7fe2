"""The way into the demonstration: a person for each participant, made once, and a new link each time."""

from pathlib import Path
from typing import Any, cast

import pytest

from connector.cli.demo import people
from connector.cli.demo.show import Show
from connector.cli.demo.steps import NEIGHBOUR, TOWN, Tour


class Asked:
    """A management surface that remembers whom it knows."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self.posts: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def get(self, *parts: str) -> dict[str, Any]:
        return {"people": [{"login": login} for login in self.known]}

    def post(self, *parts: str, body: dict[str, Any]) -> dict[str, Any]:
        self.posts.append((parts, body))
        if parts == ("people",):
            self.known.append(body["login"])
        return {"url": f"http://localhost:1/sign-in/link?code={len(self.posts)}", "minutes": 15}


class Walked:
    """A tour with one server for all."""

    def __init__(self) -> None:
        self.asked, self.place = Asked(), self
        self.base = Path("/demo")

    def api(self, party: object) -> Asked:
        return self.asked


def test_each_participant_has_a_door(capsys: pytest.CaptureFixture[str]) -> None:
    """>> the demonstration, and again in the same folder << three persons with roles, once; three links each time."""
    tour = cast(Tour, Walked())
    asked = cast(Walked, tour).asked
    first = people.doors(tour)
    assert asked.known == ["petra", "olaf", "kim"]
    given = [body for parts, body in asked.posts if parts == ("people", "role")]
    assert {(one["participant"], one["role"]) for one in given} == {
        (slug, role) for slug in ("musterstadt", "nachbardorf", "stadtwerke") for role in ("steward", "admin")
    }
    second = people.doors(tour)
    assert len(asked.known) == 3
    assert not {one.url for one in first} & {one.url for one in second}
    assert [one.party for one in first[:2]] == [TOWN, NEIGHBOUR]
    Show("de", as_json=False).doors(tour, second)
    out = capsys.readouterr().out
    assert all(one.url in out for one in second)
    assert "15 Minuten" in out
    assert "person link petra --data /demo/it" in out
