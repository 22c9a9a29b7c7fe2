"""Nothing is published that a portal would refuse, and all that a steward can say conforms."""

import pytest
from msgspec.structs import replace

from connector.data.catalogue.conformity import NotConforming, require_conforming
from connector.foundation.errors import Mistake
from tests.kernel.metadata.project.records import ALL, gauges, trees


def test_what_a_steward_can_say_conforms() -> None:
    """>> open, high value, announced, next to nothing << no question."""
    for record in ALL:
        require_conforming(record)


def test_what_a_portal_would_refuse_is_said_in_both_languages() -> None:
    """>> a language that is on no list, no publisher, no licence << refused, each with a sentence."""
    record = trees()
    (file,) = record.distributions
    for bent in (
        replace(record, languages=("http://publications.europa.eu/resource/authority/language/GER",)),
        replace(record, publisher=None),
        replace(record, distributions=(replace(file, licence=""),)),
    ):
        with pytest.raises(NotConforming) as caught:
            require_conforming(bent)
        assert all(sentences and all(sentences) for sentences in caught.value.reasons.values())


def test_high_value_data_needs_somebody_to_ask() -> None:
    """Of all violations the one that a steward mends elsewhere: it says where."""
    with pytest.raises(Mistake, match=r"catalogue\.hvd-contact"):
        require_conforming(replace(gauges(), contacts=()))


def test_what_is_too_much_for_a_harvester_is_refused() -> None:
    with pytest.raises(Mistake, match=r"catalogue\.too-much"):
        require_conforming(replace(trees(), keywords={"de": tuple(map(str, range(100)))}))
