"""Which names are understood, and when two of them surely name different things (decision 0042).

Equal is what is spelled alike (spec/policy.md 3.3). Different is only what is understood on both sides and stays
different once its spelling is evened out; everything between is unknown, so that no odd name lets a "none of" hold. A
concept is understood if it stands in the list of its operand, any other name if it has the form of its operand's range.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from connector.foundation.normal_form import normal_form, settled
from connector.kernel.policy.odrl.model import Closure

TEXT, WORD, TAG, IDENTIFIER = "text", "word", "tag", "identifier"
PARTY, DID, MEDIA_TYPE, REGIONAL_KEY = "party", "did", "media-type", "regional-key"
"""Ranges of an operand whose values are texts; every other range is the local name of a concept scheme."""

_SCHEMES = r"(?:https?|urn|did|tag|info|ni|mailto)"
# Without ASCII the long s and the i without a dot count as letters of a scheme or host.
_SCHEME = re.compile(_SCHEMES + ":(?=.)", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(
    r"https?://(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?=[/?#]|$)",
    re.IGNORECASE | re.ASCII,
)
_SEVERAL = re.compile(rf"[,;]\s*{_SCHEMES}:", re.IGNORECASE)
_FORBIDDEN = re.compile(r"""[\s<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})|/\.\.?(?:[/?#]|$)""")
_DID_SPECIFIC = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+"
_DID = re.compile(rf"did:[a-z0-9]+(?::{_DID_SPECIFIC})+")
_DID_WEB = re.compile(rf"did:web:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?:%3[Aa][1-9][0-9]{{0,4}})?(?::{_DID_SPECIFIC})*")
_MEDIA_TYPE = re.compile(r"https://www\.iana\.org/assignments/media-types/[a-z]+/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_REGIONAL_KEY = re.compile(r"[0-9]{2}(?:[0-9](?:[0-9]{2}(?:[0-9]{4}(?:[0-9]{3})?)?)?)?")
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,8}")
_WORD = re.compile(r"[^,;\s]+(?: [^,;\s]+)*")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_RESERVED = frozenset(":/?#[]@!$&'()*+,;=%")
_DOTTED = re.compile(r"[/:]\.\.?(?:[/?#:]|$)")
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that count as printable and show nothing (Unicode: Default_Ignorable_Code_Point; blank Braille)."""
_NIL = "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil"
_WEB_PORT = re.compile(r"(?<=[a-z0-9])%3a443(?=:|$)")
_PORT = re.compile(r"(?<=[a-z0-9\]]):(?:80|443)(?=[/?#]|$)")


def _composed(text: str) -> bool:
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def is_identifier(text: str) -> bool:
    """Whether it is one absolute IRI of a scheme that names things, without anything that hides or disguises."""
    if not text.isprintable() or not _composed(text) or text == _NIL or _disguised(text):
        return False
    if not _SCHEME.match(text) or _FORBIDDEN.search(text) or _SEVERAL.search(text):
        return False
    if text[:4].lower() == "http":
        return _AUTHORITY.match(text) is not None
    return not text.lower().startswith("did:") or is_did(text.partition("#")[0].partition("?")[0])


def _disguised(text: str) -> bool:
    """Whether something in it shows nothing, or leads back up, as it stands or percent-encoded."""
    plain = settled(_ESCAPED.sub(_unescaped, text) if "%" in text else text)  # so many marks hide what they stand over
    return not plain.isprintable() or _INVISIBLE.search(plain) is not None or _DOTTED.search(plain) is not None


def is_did(text: str) -> bool:
    """Whether it is a DID, one of `did:web` by the syntax of that method."""
    return (_DID_WEB if text.startswith("did:web:") else _DID).fullmatch(text) is not None


_FORMS: Mapping[str, Callable[[str], bool]] = {
    TEXT: _composed,
    WORD: lambda text: _composed(text) and text.isprintable() and bool(_WORD.fullmatch(text)) and not _disguised(text),
    TAG: lambda text: _TAG.fullmatch(text) is not None,
    IDENTIFIER: is_identifier,
    PARTY: is_identifier,
    DID: is_did,
    MEDIA_TYPE: is_identifier,
    REGIONAL_KEY: lambda text: text.isascii() and _REGIONAL_KEY.fullmatch(text) is not None,
}


@lru_cache(maxsize=4096)
def well_formed(range: str, text: str) -> bool:
    """Whether a name may be one of this range by its form; whether a concept is known, its list says."""
    return _FORMS.get(range, is_identifier)(text)


@lru_cache(maxsize=4096)
def evened(text: str) -> str:
    """The spelling that all confusable spellings of an identifier share: never to be shown, sent or kept."""
    found = normal_form("NFKC", _ESCAPED.sub(_unescaped, text)).casefold()
    if found.startswith(("http://", "https://")):
        found = _PORT.sub("", "http" + found[found.index(":") :], count=1).rstrip("/?#")
    elif found.startswith("did:"):
        # What follows is part of what the DID names, or of its document.
        found = found.partition("#")[0].partition("?")[0]
        found = _WEB_PORT.sub("", found, count=1) if found.startswith("did:web:") else found
    elif found.startswith("urn:"):
        # Its resolution, query and fragment are no part of the name (RFC 8141, 3.1).
        found = found.partition("#")[0].partition("?")[0]
    return normal_form("NFC", found)


def _unescaped(match: re.Match[str]) -> str:
    """What is escaped without need, written out; a reserved character means something else when it is not escaped."""
    octets = unquote_to_bytes(match[0])
    try:
        letters = octets.decode()
    except UnicodeDecodeError:
        return match[0]
    return "".join(letter if letter not in _RESERVED else f"%{ord(letter):02x}" for letter in letters)


def _other_language(tag: str, known: frozenset[str]) -> bool:
    """Whether a tag is none of these, nor a form of one (`de-AT` is `de`) or the other way round, nor, as far as can be
    told, another name for one (`deu`)."""
    forms, lengths = _forms(known)
    return tag not in forms and known.isdisjoint(_wider(tag)) and lengths <= {len(tag.partition("-")[0])}


@lru_cache(maxsize=8)
def _forms(tags: frozenset[str]) -> tuple[frozenset[str], frozenset[int]]:
    """What these tags are forms of, and how long their languages are. One list is asked about many tags in turn."""
    forms = frozenset(wider for tag in tags for wider in _wider(tag))
    return forms, frozenset(len(tag.partition("-")[0]) for tag in tags)


def _wider(tag: str) -> list[str]:
    """The tag, and those of which it is a form."""
    parts = tag.split("-")
    return ["-".join(parts[:count]) for count in range(1, len(parts) + 1)]


class Names(NamedTuple):
    """The names of one range, judged by one vocabulary."""

    range: str
    closure: Closure

    def knows(self, text: str) -> bool:
        """Whether this name is understood."""
        if type(text) is not str or not well_formed(self.range, text):  # a plug-in may have answered anything
            return False
        if self.range == MEDIA_TYPE:
            return _MEDIA_TYPE.fullmatch(text) is not None
        return self.range in _FORMS or self.closure.knows(text, self.range)

    def placed(self, text: str) -> bool:
        """Whether the vocabulary says what contains it."""
        return text in self.closure.above and (self.range in _FORMS or self.closure.knows(text, self.range))

    def within(self, part: str, whole: str) -> bool | None:
        """Whether `whole` contains `part`; None if one of them has no place in the vocabulary."""
        if part == whole:
            return True
        if not (self.placed(part) and self.placed(whole)):
            return None
        return whole in self.closure.above[part]

    def evened(self, text: str) -> str:
        return text if self.range in (TEXT, WORD, TAG, REGIONAL_KEY) else evened(text)

    def apart(self, some: Iterable[str], others: Iterable[str]) -> bool:
        """Whether each of these surely is none of those."""
        those = frozenset(others)
        return all(map(self.knows, those)) and all(map(self.beyond(those), some))

    def beyond(self, known: frozenset[str]) -> Callable[[str], bool]:
        """Whether a name surely is none of these, which are understood; what they have in common is looked at once."""
        if self.range == TAG:
            return lambda text: self.knows(text) and _other_language(text, known)
        spelled = frozenset(map(self.evened, known))
        kinds = frozenset(text.partition(":")[0] for text in known) if self.range == PARTY else frozenset()

        def surely(text: str) -> bool:
            # A web address and a DID may well be those of one party.
            return self.knows(text) and self.evened(text) not in spelled and kinds <= {text.partition(":")[0]}

        return surely
