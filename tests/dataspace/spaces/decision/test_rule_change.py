"""Rules of a space are loosened only where nobody waits."""

from contextlib import nullcontext
from itertools import product

import pytest

from connector.dataspace.spaces.decision.rule_change import require_nothing_opened
from connector.dataspace.spaces.model import Rules
from connector.foundation.errors import Mistake

POINTS = ((), ("letter",), ("call",), ("letter", "call"))
ALL = [Rules(approvals=number, checklist=points) for number, points in product((1, 2, 3), POINTS)]


@pytest.mark.threat("T177")
def test_each_change_under_each_that_waits() -> None:
    """>> every rule after every other, with nothing, an application, a certificate that waits << refused just where
    something waits, and fewer people are asked for or a point of before is not."""
    for before, after, waiting in product(ALL, ALL, ((0, 0), (1, 0), (0, 1))):
        less = after.approvals < before.approvals or any(one not in after.checklist for one in before.checklist)
        refused = pytest.raises(Mistake, match="rules-waiting") if less and any(waiting) else nullcontext()
        with refused:
            require_nothing_opened(before, after, *waiting)


def test_what_says_nothing_of_who_comes_in_is_free() -> None:
    """>> another text, term and document, while somebody waits << taken: documents are for who applies later."""
    require_nothing_opened(Rules(documents=("Brief",)), Rules(text="Neu", term_days=30), 1, 1)
