"""Which tokens a dataset must have, as each database is told, and as it holds of tokens at hand."""

from connector.data.catalogue.search.expression import all_of, any_of, holds, written

BOTH = all_of("baum", any_of("+see", "=see", "+see"), all_of("^hof"))


def test_it_is_written_for_each_database() -> None:
    assert written(BOTH, "sqlite") == '("baum" AND ("+see" OR "=see") AND "^hof")'
    assert written(BOTH, "postgres") == "('baum' & ('+see' | '=see') & '^hof')"


def test_it_holds_of_tokens() -> None:
    held = [holds(BOTH, tokens) for tokens in ({"baum", "=see", "^hof"}, {"baum", "^hof"}, {"+see"}, set[str]())]
    assert held == [True, False, False, False]
