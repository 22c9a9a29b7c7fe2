"""The official shape files run by pyshacl over triples of ours, as an operator does it who downloaded them."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

from pyoxigraph import Triple

from connector.kernel.metadata.check import official
from connector.kernel.metadata.check.model import Finding, Profile
from connector.kernel.metadata.rdf.graph import Graph
from tests.testkit.places import SHARED

PROFILES = {"DE30": Profile.DE, "AP301": Profile.AP, "HVD": Profile.HVD}


def findings(profile: str, triples: Iterable[Triple]) -> list[str]:
    """`severity node path value` of each result; the HVD shapes see what belongs to high-value datasets alone."""
    return [f"{one.severity} {one.node} {one.path} {one.value}" for one in _found(profile, triples)]


def severities(profile: str, triples: Iterable[Triple]) -> Counter[str]:
    """How many of each."""
    return Counter(one.severity.value for one in _found(profile, triples))


def _found(profile: str, triples: Iterable[Triple]) -> list[Finding]:
    return official.check(_shapes(profile), Graph(triples), PROFILES[profile])


@cache
def _shapes(profile: str) -> official.Shapes:
    return official.load(SHARED / "dcat" / "shapes", PROFILES[profile])
