"""What an entry of the trust list says of a member, as rules may look at it.

The same for whoever asks us and for ourselves when we ask others: what we tell a person beforehand is what the provider
decides, as long as both have the same list.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from connector.identity.trust.members.trust_list import Entry
from connector.kernel.policy.engine import Requester
from connector.kernel.policy.odrl.names import HANSE
from connector.kernel.policy.odrl.state_of_world import Fact

_NONE: Final[frozenset[str]] = frozenset()
STATES = {
    "01": "DE-SH",
    "02": "DE-HH",
    "03": "DE-NI",
    "04": "DE-HB",
    "05": "DE-NW",
    "06": "DE-HE",
    "07": "DE-RP",
    "08": "DE-BW",
    "09": "DE-BY",
    "10": "DE-SL",
    "11": "DE-BE",
    "12": "DE-BB",
    "13": "DE-MV",
    "14": "DE-SN",
    "15": "DE-ST",
    "16": "DE-TH",
}
"""The German states by the first two digits of a regional key (ARS); names as in ISO 3166-2."""


class OwnGroups(Struct, frozen=True):
    """Groups that a participant of ours keeps itself: `places` is what their IRIs begin with, here and where it was
    before, `names` those that go on, by each of their IRIs, `members` who is in which, by DID."""

    places: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    members: Mapping[str, frozenset[str]] = {}


NO_GROUPS: Final = OwnGroups()


_PARTS: Final = (2, 3, 5, 9, 12)
"""How many digits name state, government district, county, association and municipality."""


def regional_keys(ars: str) -> frozenset[str]:
    """The keys of all that a seat with this regional key (ARS, twelve digits) lies in, itself included; else none."""
    if not (len(ars) == _PARTS[-1] and ars.isascii() and ars.isdigit()):
        return _NONE
    return frozenset(ars[:length] for length in _PARTS)


def requester(entry: Entry, own: OwnGroups = NO_GROUPS) -> Requester:
    """What rules may know of a member; where it sits by its state, and by its regional key as the list has it.

    `own` are the groups of the participant whose rule it is: no list has a say in those (threat T107).
    """
    groups = entry.groups
    if own.places and groups:
        groups = tuple(one for one in groups if not one.startswith(own.places))
    said = {
        HANSE + "adminLevel": entry.admin_level,
        HANSE + "participantLocation": (state := STATES.get((entry.ars or "")[:2])) and HANSE + state,
    }
    values = {iri: frozenset((one,)) for iri, one in said.items() if one}
    if keys := regional_keys(entry.ars or ""):
        values[HANSE + "regionalKey"] = keys
    facts = tuple((iri, Fact(value, "verified-credential")) for iri, value in values.items())
    return Requester(
        did=entry.did, kind=entry.kind, groups=frozenset(groups), facts=facts, own=own.members.get(entry.did, _NONE)
    )
