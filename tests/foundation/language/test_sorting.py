"""Names stand in lists where a German reader looks for them."""

from connector.foundation.language.sorting import alphabetical


def test_umlauts_stand_with_their_letters() -> None:
    words = ["Zoo", "Äpfel", "Apfelsine", "Öl", "Ofen", "Straße", "Strand", "Baum"]
    assert sorted(words, key=alphabetical) == ["Äpfel", "Apfelsine", "Baum", "Ofen", "Öl", "Strand", "Straße", "Zoo"]
