"""For tests of ours and of plug-in authors: whole cities in one process, and peers that do as they are told.

What is named here is imported when it is first asked for (`connector/docs/testing.md`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.testkit.cities import City, Space, data_space
    from tests.testkit.conduct import Buying, Selling
    from tests.testkit.nasty import NastyPeer, nasty_peer, nasty_peers
    from tests.testkit.towns import Towns

__all__ = ["Buying", "City", "NastyPeer", "Selling", "Space", "Towns", "data_space", "nasty_peer", "nasty_peers"]
_HOMES = {
    "Buying": "conduct",
    "City": "cities",
    "NastyPeer": "nasty",
    "Selling": "conduct",
    "Space": "cities",
    "Towns": "towns",
    "data_space": "cities",
    "nasty_peer": "nasty",
    "nasty_peers": "nasty",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"tests.testkit.{_HOMES[name]}"), name)
