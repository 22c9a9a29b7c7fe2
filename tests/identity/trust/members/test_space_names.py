"""Names of spaces that people would take for one."""

import pytest

from connector.foundation.language.reasons import plain
from connector.identity.trust.members import space_names
from connector.surfaces.views.members import LONGEST


@pytest.mark.parametrize(
    "name",
    [
        "KREIS NORD",
        " kreis\t nord",
        "Kreis\u200b Nord",
        "Krei\xads Nord",
        "Kreis\ufe0f Nord",
        "Kreis Nord\U000e0100",
        "\u3164Kreis Nord",
        "Kreis\u2800 Nord",
        "Kreis\u034f Nord",
        "Ｋｒｅｉｓ Nord",
        "Kreis Nord" + 190 * " " + "x",
        "Kreis Nord" + 300 * "\u200b",
    ],
)
def test_bug_a_sign_that_nobody_sees_made_two_names_of_one(name: str) -> None:
    """>> a name in other letters, with signs that do not show, or with more than people are shown << as the bare one,
    and with where it is kept on the page."""
    assert space_names.alike(["Kreis Nord", name, "Kreis Süd"]) == {"kreis nord"}
    assert plain(space_names.with_place(name, "https://south.de/space"), LONGEST).endswith(" (south.de)")


def test_other_names_are_others() -> None:
    names = ["Kreis Nord", "Kreis Nörd", "Kreis Nord 2", "KreisNord", ""]
    assert space_names.alike(names) == frozenset()
