"""Who looks at the demonstration in a browser: a person for each participant, and a link that signs her in once."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from connector.cli.demo.place import Place
from connector.cli.demo.steps import COMPANY, NEIGHBOUR, TOWN, Party
from connector.cli.frame.client import Api

PEOPLE: Mapping[Party, tuple[str, str]] = {
    TOWN: ("petra", "Petra Muster"),
    NEIGHBOUR: ("olaf", "Olaf Nachbar"),
    COMPANY: ("kim", "Kim Beispiel"),
}
"""What each signs in with, and her name: invented, as all of the demonstration."""
ROLES = ("steward", "admin")


class Walk(Protocol):
    """A tour, as far as people care."""

    @property
    def place(self) -> Place: ...

    def api(self, party: Party) -> Api: ...


class Door(NamedTuple):
    """The way in: `url` works once, on this computer, for so many minutes."""

    party: Party
    login: str
    name: str
    url: str
    minutes: int


def doors(tour: Walk, people: Mapping[Party, tuple[str, str]] = PEOPLE) -> list[Door]:
    """A new link for each; who is there from an earlier run stays."""
    return [_door(tour.api(party), party, *people[party]) for party in people]


def _door(api: Api, party: Party, login: str, name: str) -> Door:
    known(api, party, login, name)
    made = api.post("people", "link", body={"login": login})
    return Door(party, login, name, made["url"], made["minutes"])


def known(api: Api, party: Party, login: str, name: str) -> None:
    """She has an account, and the roles at that participant, unless she had one before."""
    if login not in {one["login"] for one in api.get("people")["people"]}:
        api.post("people", body={"login": login, "name": name})
        for role in ROLES:
            api.post("people", "role", body={"login": login, "role": role, "participant": party.slug})
