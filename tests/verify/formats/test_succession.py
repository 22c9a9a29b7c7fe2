"""Who stands in whose place, as one list says it."""

from connector.verify.formats.succession import laid_out

A, B, C, D = "did:web:a", "did:web:b", "did:web:c", "did:web:d"


def test_a_line_is_followed_to_its_end_and_its_days_never_go_back() -> None:
    """>> A to B to C, the second step dated before the first << C holds A's place since the later of both days."""
    found = laid_out([(A, B, 9), (B, C, 5)])
    assert found.line(A) == ((B, 9), (C, 9))
    assert found.line(B) == ((C, 5),)
    assert found.line(C) == ()


def test_whose_places_somebody_has_taken() -> None:
    """>> A and B merged into C, C went on as D << all of them, and nobody of a line beside."""
    found = laid_out([(A, C, 1), (B, C, 1), (C, D, 2), ("did:web:x", "did:web:y", 1)])
    assert found.lineage(D) == {A, B, C, D}
    assert found.lineage(A) == {A}


def test_a_log_is_handed_on_and_never_taken_back() -> None:
    """<< how many of the names stand in order: each is the one before, or has taken its place, by way of others too."""
    found = laid_out([(A, B, 1), (B, C, 1)])
    for dids, many in (([], 0), ([A, A, B, C, C], 5), ([A, C], 2), ([A, B, A], 2), ([C, B], 1), ([A, D], 1)):
        assert found.in_order(dids) == many, dids


def test_a_circle_ends() -> None:
    """Two lists together may make one: nothing goes round for ever."""
    found = laid_out([(A, B, 1), (B, A, 2)])
    assert found.line(A) == ((B, 1), (A, 2))
    assert found.lineage(A) == {A, B}
    assert found.in_order([A, B, B]) == 3
