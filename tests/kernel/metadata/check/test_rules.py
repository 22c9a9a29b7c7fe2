"""The table of rules: complete by the official files, without double names, and a sentence for each."""

from collections import Counter

import pytest

from connector.kernel.metadata.check import official
from connector.kernel.metadata.check.model import OnList, Profile
from connector.kernel.metadata.check.official import SH
from connector.kernel.metadata.check.rules import by_id, of_profile, rules
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT
from tests.kernel.metadata.check.catalogues import official as files

BEYOND = {
    "de-Catalog-dcatap-availability-max",
    "de-Catalog-dcatap-availability-list",
    "de-Dataset-dcatap-availability-max",
    "de-Dataset-dcatap-availability-list",
    "de-Distribution-dcatap-availability-list",
    "de-DataService-dcatap-availability-max",
    "de-DataService-dcatap-availability-list",
    "de-DatasetSeries-dct-publisher-min",
    "hvd-Dataset-bulk-min",
}
"""What we look at although the official shapes do not (spec/metadata-check.md 2.4)."""


def test_each_rule_has_a_name_of_its_own() -> None:
    assert len(by_id()) == len(rules()) > 400
    assert {rule.id for rule in rules() if rule.ours} == BEYOND


def active(shapes: Graph) -> int:
    """The property shapes that are attached to a target and not switched off, and node shapes that ask something."""
    true = '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'
    aimed = [s for s in shapes.subjects if shapes.values(s, SH.targetClass) or shapes.values(s, SH.targetSubjectsOf)]
    attached = [one for shape in aimed for one in shapes.values(shape, SH.property)]
    count = sum(str(shapes.value(one, SH.deactivated)) != true for one in attached)
    return count + sum(bool(shapes.values(shape, SH["or"])) for shape in aimed)


@pytest.mark.parametrize(("profile", "apart"), [(Profile.AP, 0), (Profile.DE, 0), (Profile.HVD, -1)])
def test_there_is_a_rule_for_each_shape_that_is_in_force(profile: Profile, apart: int) -> None:
    """>> shapes attached to a target, not deactivated << as many rules of ours; the shape for the API holds two."""
    shapes = official.load(files() / "shapes", profile).graph
    ours = [rule for rule in of_profile(profile) if not rule.ours]
    assert active(shapes) == len(ours) + apart


def test_of_dcat_ap_and_its_german_profile_most_is_the_same() -> None:
    shared = Counter(frozenset(rule.profiles) for rule in rules())
    assert shared[frozenset({Profile.AP, Profile.DE})] > 200
    lists = {rule.constraint.scheme for rule in of_profile(Profile.DE) if isinstance(rule.constraint, OnList)}
    assert len(lists) == 12
    assert not any(isinstance(rule.constraint, OnList) for rule in of_profile(Profile.AP))


def test_a_rule_is_found_by_its_name() -> None:
    rule = by_id()["Dataset-dct-title-min"]
    assert (rule.target, str(rule.path)) == (DCAT.Dataset, "http://purl.org/dc/terms/title")
    api = by_id()["hvd-Dataset-api-min"]
    dcat = "http://www.w3.org/ns/dcat#"
    assert str(api.path) == f"^<{dcat}servesDataset>|<{dcat}distribution>/<{dcat}accessService>"
