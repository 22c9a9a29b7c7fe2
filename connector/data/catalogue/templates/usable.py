"""Which rule templates are offered: those that could permit somebody something in this installation, now or later.

A template is looked at with samples in its slots. One that waits only for a day is offered: time comes by itself.
"""

from connector.data.catalogue.templates.templates import Template, sample
from connector.kernel.policy.conflict.model import HINDRANCES, Objection
from connector.kernel.policy.engine import PolicyEngine


def hindrance(engine: PolicyEngine, template: Template, now: int) -> Objection | None:
    """Why this template could permit nobody anything here, whatever its slots hold; None if it could."""
    found = engine.contradictions(sample(template), now=now)
    return next((one for one in found if one.fault in HINDRANCES), None)
