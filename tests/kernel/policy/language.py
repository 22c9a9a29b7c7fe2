"""What no sentence for people may hold: words of the other language, and what only machines read.

The catalogues, the labels of the concept lists and the templates give the words of each language; a word that stands in
both is shared, and `SHARED` is the whole list of those.
"""

import re
from collections.abc import Iterator, Set
from functools import cache

from connector.data.catalogue.concepts import vocabulary
from connector.data.catalogue.templates.templates import earlier, templates
from connector.foundation.language import catalogue

OTHER = {"de": "en", "en": "de"}
_WORD = re.compile(r"[^\W\d_]{3,}")
_LISTED = """
both languages: also art connector form format hash information installation medium minute name organisation person
pilot stand system text training union was web
names: anhalt baden berlin brandenburg bremen dea hamburg holstein malta mecklenburg portugal saarland schleswig
württemberg byte gigabyte kilobyte megabyte bos bstatg catena edc epsilon eur hackathon iso mailto nuts odrl org rdf
sovity ttl utc zero
files: context dataspace did dids dspace geometry groups https iri json jsonld jsonpath null obligation permission
http policies private prohibition protocol qudt sha space unit urn uuid vocab
law and examples: ags daten datenraum gebührensatzung musterstadt nachbarstadt
"""
SHARED = frozenset(word for line in _LISTED.split("\n") for word in _WORD.findall(re.sub(".*: ", "", line)))
"""Words that texts of both languages hold; German terms of law are not translated, or stand beside the translation."""
_NAME = re.compile(r"(?:https?://|urn:|did:|mailto:)\S+|(?<!\w)(?:/\w+){2,}")
_COMMAND = re.compile(r"\{[^}]*\}|hanse [a-z ]+|--[a-z-]+")
_ROOMS = ("policy.", "template.", "narrowing.", "cli.policy.", "cli.check.", "error.policy.", "error.dialects.")
_NAMES = "policy.licence."
_MARK = re.compile(r"^(?:\|  )*\+- (?:\[[\w?-]+\])?|^ *\[[\w ]+\]")
_MACHINE = {
    "a brace": re.compile(r"[{}\[\]<>]"),
    "a Python value": re.compile(r"\b(?:None|True|False)\b|\b(?:frozenset|set|dict|tuple)\(|'[^' ]*',|\\[nu]"),
    "an error code": re.compile(r"\b(?:policy|error|narrowing|template|cli)\.[a-z]+"),
    "an operator": re.compile(r"\b(?:eq|neq|lt|lteq|gt|gteq|isA|hasPart|isPartOf|isAllOf|isAnyOf|isNoneOf|not-\w+)\b"),
    "an empty place": re.compile(r"„[”“]|“”|\(\)|: *[.;]|[;,] *[.;]|^\W*$"),
}


@cache
def words(lang: str) -> Set[str]:
    """Every word of three letters and more that our own texts of this language hold."""
    known = catalogue(lang)
    texts = [known[key] for key in known if key.startswith(_ROOMS) and not key.startswith(_NAMES)]
    texts += vocabulary().labels(lang).values()
    for one in templates() + earlier():
        texts += [
            one.title[lang],
            one.effect[lang],
            one.plain[lang],
            *(slot.label[lang] for slot in one.slots.values()),
        ]
    return {word.casefold() for text in texts for word in _WORD.findall(_COMMAND.sub(" ", text))}


def faults(text: str, lang: str, values: Set[str] = frozenset()) -> Iterator[str]:
    """What is wrong with a text for people; `values` are what the rule or the asker wrote, in any language."""
    plain = _NAME.sub("", _MARK.sub("", text))
    for value in values:
        plain = plain.replace(value, "0")
    found = _WORD.findall(plain)
    foreign = words(OTHER[lang]) - words(lang)
    yield from (f"{OTHER[lang]}: {word}" for word in found if word.casefold() in foreign)
    yield from (what for what, shape in _MACHINE.items() if shape.search(plain))
