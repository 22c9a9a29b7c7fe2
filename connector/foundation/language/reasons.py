"""Reasons for people: language -> sentences, the one form in which refusals travel through the rooms.

On the wire (`reason` of DSP and of problem+json) they are two strings, German and English in that order.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from connector.foundation.errors import HanseError
from connector.foundation.language import LANGUAGES, both

Reason = dict[str, list[str]]


def because(code: str, /, **facts: object) -> Reason:
    """The sentence of an error code (`error.<code>` of the catalogues)."""
    german, english = both(f"error.{code}", **facts)
    return {"de": [german], "en": [english]}


def explained(error: HanseError) -> Reason:
    """An error's own reasons if it has any, else the sentence of its code."""
    reasons: Reason = getattr(error, "reasons", {})
    return reasons or because(error.code, **error.facts)


def on_the_wire(said: Mapping[str, Sequence[str]]) -> list[str]:
    return [" ".join(said.get(lang, ())) for lang in LANGUAGES]


def from_the_wire(said: Sequence[object] | None) -> Reason:
    """A peer's `reason`: two strings are German and English, others stand for both; bounded, strings only, plain."""
    texts = [plain(item, 2000) for item in (said or []) if isinstance(item, str)][:4]
    if not texts:
        return because("reason.none")
    return {"de": [texts[0]], "en": [texts[-1] if len(texts) == 2 else texts[0]]}


def plain(text: str, most: int = 1000) -> str:
    """A stranger's text as people may see it: one line, at most `most` characters, nothing that steers a terminal."""
    shown = text[:most]
    if not shown.isprintable():  # else nothing of it is a separator but spaces, and nothing steers
        shown = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in shown)
    return " ".join(shown.split())
