"""Rule templates as a form shows them."""

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.templates.templates import templates
from connector.surfaces.views.template import template
from tests.kernel.policy.filled import NOW


def test_every_template_says_whether_it_is_offered_and_brings_its_choices() -> None:
    """>> all templates << six wait for something and say for what; concepts can be chosen by their labels."""
    shown = {one.id: one for one in (template(policy_engine(), each, NOW) for each in templates())}
    waiting = [one.number for one in shown.values() if not one.offered]
    assert sorted(waiting) == [5, 7, 8, 13, 14, 17]
    assert all(bool(one.why) != one.offered for one in shown.values())
    purpose = next(slot for slot in shown["municipal-purpose"].slots if slot.type == "purposes")
    assert {"de": "Wärmeplanung", "en": "heat planning"} in [choice.label for choice in purpose.choices]
    until = next(slot for slot in shown["municipal-purpose"].slots if slot.name == "until")
    assert until.choices == []
    assert until.hint["de"]
