"""A peer whose identifier is no did:web is asked all the same: Eclipse EDC may be called anything."""

from connector.surfaces.peer.client.client import own_places


def test_bug_a_peer_without_did_web_was_refused() -> None:
    assert own_places("https://a.example/x", "did:web:b.example:x") == ("https://a.example/x/", "https://b.example/x/")
    assert own_places("https://a.example/x", "edc-provider") == ("https://a.example/x/",)
