"""Members of the data space as people name them: by DID or by the name that the trust list has for them."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from msgspec import Struct

from connector.data.approvals.model import NEVER_MS
from connector.data.catalogue.concepts import folded, nearest
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain
from connector.identity.trust.members.trust_list import Anchor, Entry
from connector.surfaces.views.fields import day

LONGEST = 200
"""Characters of a name as people see it."""


class PartOfView(Struct, frozen=True):
    """That a participant is part of another one by law: its DID and name, and since which day (YYYY-MM-DD)."""

    did: str
    name: str
    since: str


_IRI = re.compile(r"https://[^\s\"'<>“”„,;()]{1,600}")
_DID = re.compile(r"did:[a-z0-9]{1,20}:[A-Za-z0-9._:%-]{1,500}")


class Members:
    """Reads the trust list as it is at each call."""

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor

    def name(self, did: str, own: str = "") -> str:
        """Its name by the lists that count for a participant of ours (`own`), or by all; the DID if none names it."""
        entry = self._anchor.entry_for(own, did) if own else self._anchor.entry(did)
        return did if entry is None else plain(entry.name, LONGEST)

    def called(self, did: str) -> str:
        """What people are shown: its name; of whom the list does not name, the host where it is."""
        entry = self._anchor.entry(did)
        if entry is not None:
            return plain(entry.name, LONGEST)
        return plain(unquote(did.removeprefix("did:web:").partition(":")[0]), LONGEST)

    def spaces(self, own: str, did: str) -> list[str]:
        """Through which spaces a participant of ours (`own`) knows a DID, by name."""
        return [plain(name, LONGEST) for name in self._anchor.through(own, did)]

    def part_of(self, own: str, did: str, now: int) -> PartOfView | None:
        """Of whom a DID, or who has its place, is part by law, as a participant of ours (`own`) may go by it; now in
        ms."""
        found = self._anchor.whole(own, did, now)
        return None if found is None else PartOfView(found[0], self.name(found[0]), day(found[1]))

    def in_words(self, text: str, lang: str = "de", own: str = "") -> str:
        """The text with names in place of DIDs of members and IRIs of spaces and groups; others stay as they are.

        A neighbour's list names nothing in what people of `own` read before they agree (threat T146).
        """
        named: Mapping[str, Mapping[str, str]] = {}
        if "https://" in text:
            named = self._anchor.named_for(own) if own else self._anchor.named
        if named:
            text = _IRI.sub(lambda found: _called(found[0], named, lang), text)
        return _DID.sub(lambda found: self.name(found[0].rstrip("."), own) + "." * found[0].endswith("."), text)

    def admitted(self, own: str, did: str, now: int) -> bool:
        """Whether it is a member at that moment (milliseconds), by the lists that count for a participant of ours."""
        entry = self._anchor.entry_for(own, did)
        return entry is not None and entry.admitted(now)

    def did(self, named: str, own: str = "") -> str:
        """Whom a person means, of those that a participant of ours (`own`) knows; a DID stays as it is.

        Raises Mistake with the nearest name if nobody is called so, with the DIDs if several are.
        """
        if named.startswith("did:"):
            return named
        known = self._known(own)
        found = self._called(named, known, own)
        if len(found) > 1:
            raise Mistake("api.members-alike", name=named[:200], dids=", ".join(entry.did for entry in found[:5]))
        if not found:
            names = [entry.name for entry in known]
            raise Mistake("api.nobody-called", name=named[:200], nearest=nearest(named, names) if names else "–")
        return found[0].did

    def _known(self, own: str) -> Sequence[Entry]:
        anchor = self._anchor
        if not own:
            return anchor.current.participants
        found = (anchor.entry_for(own, did) for did in anchor.entries if anchor.knows(own, did))
        return [entry for entry in found if entry is not None]

    def _called(self, named: str, known: Sequence[Entry], own: str) -> list[Entry]:
        """Who has given its place up is meant no more: its successor is called so as well."""
        wanted, gone = folded(named), self._anchor.line_for(own).succeeded(NEVER_MS)
        return [entry for entry in known if folded(entry.name) == wanted and entry.did not in gone]


def _called(found: str, named: Mapping[str, Mapping[str, str]], lang: str) -> str:
    """The name of a space or group; the name of one is no word about another whose IRI only begins alike."""
    iri = found.rstrip(".:!?")
    return (plain(named.get(iri, {}).get(lang, ""), LONGEST) or iri) + found[len(iri) :]
