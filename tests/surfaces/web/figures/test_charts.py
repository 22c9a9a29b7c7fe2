"""Where pictures put their parts: in shares of the width, never outside of it."""

from hypothesis import given
from hypothesis import strategies as st

from connector.surfaces.web.figures.charts import FOOT, HEIGHT, MOST_BARS, TOP, bars, line, strip

NUMBERS = st.floats(0, 1e12, allow_nan=False)


def test_the_longest_bar_fills_the_width() -> None:
    """>> 4, 2 (one of them kin), 0 << 100, 50 (25), 0 percent, one below the other."""
    made = bars([("a", "4", 4, 0), ("b", "2", 2, 1), ("c", "0", 0, 0)])
    assert [(one.share, one.kin) for one in made] == [(100, 0), (50, 25), (0, 0)]
    assert [one.y for one in made] == sorted({one.y for one in made})
    assert bars([]) == []
    assert bars([("a", "0", 0, 0)])[0].share == 0


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40))
def test_no_bar_leaves_the_picture(found: list[tuple[float, float]]) -> None:
    made = bars([("", "", value, kin) for value, kin in found])
    assert len(made) == min(len(found), MOST_BARS)
    assert all(0 <= one.kin <= one.share <= 100 for one in made)


def test_a_month_without_a_value_leaves_a_gap() -> None:
    """>> three months, the middle one empty << two dots, no line between them; the last month has its name."""
    made = line([("09", 1.0, "1"), ("10", None, "–"), ("11", 2.0, "2")])
    assert [(one.text, one.y) for one in made.dots] == [("1", (FOOT + TOP) / 2), ("2", TOP)]
    assert made.joins == ()
    assert [one.label for one in made.labels] == ["11"]
    assert len(line([("10", 1.0, "1"), ("11", 2.0, "2")]).joins) == 1


@given(st.lists(st.one_of(st.none(), NUMBERS), max_size=12), st.one_of(st.none(), st.floats(0.1, 1)))
def test_no_dot_leaves_the_picture(values: list[float | None], most: float | None) -> None:
    made = line([(str(number), value, "") for number, value in enumerate(values)], most)
    assert all(0 <= one.x <= 100 and TOP <= one.y <= FOOT < HEIGHT for one in made.dots)


@given(st.lists(NUMBERS, max_size=30))
def test_points_of_a_strip_rise(values: list[float]) -> None:
    made = strip((value, "") for value in values)
    places = [one.x for one in made]
    assert places == sorted(places)
    assert all(0 <= one <= 100 for one in places)
