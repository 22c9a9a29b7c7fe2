"""The nine questions about a dataset, asked at a terminal (spec/metadata-record.md 1.3).

Each has a proposal where the file's name or a list gives one; Enter takes it. Only that data are for everybody has to
be written: what is once on the web is not taken back. Whoever ends the input publishes nothing.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

from connector.cli.exchange.answers import NO
from connector.cli.frame.call import Call
from connector.cli.frame.client import Api
from connector.data.catalogue import describe
from connector.data.catalogue.listed_values import listed
from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.foundation.normal_form import normal_form
from connector.identity.participants.publisher import checked_address
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.lists.code_lists import Value
from connector.kernel.metadata.record.model import Access

OPEN_RULES: Final = ("", "open-attribution")
ATTEMPTS: Final = 5
HVD_CATEGORIES: Final = ("c_ac64a52d", "c_dd313021", "c_164e0bf5", "c_e1da4e07", "c_a9135398", "c_b79e35eb")
"""The six of Directive (EU) 2019/1024, annex I; the rest of the list divides them."""
_SPELT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_YEAR = re.compile(r"(?<![0-9])(19|20)[0-9]{2}(?![0-9])")


class Proposal:
    """What the name of a file and the Musterdatenkatalog suggest."""

    def __init__(self, name: str) -> None:
        stem = normal_form("NFC", name.rpartition("/")[2].partition(".")[0])
        words = [word for word in re.split(r"[\W_]+", stem) if word]
        self.title = _title_of(words) or name
        year = _YEAR.search(stem)
        self.year = year[0] if year else ""
        self.concept = _concept([_folded(word) for word in words])

    @property
    def theme(self) -> str:
        """The code of the theme that the concept belongs to."""
        known = lists.code_lists()
        found = known.value(known.theme(self.concept.iri) or "") if self.concept else None
        return found.code if found else ""

    @property
    def keywords(self) -> str:
        return ", ".join(describe.concept_words(self.concept))


def _title_of(words: list[str]) -> str:
    """Each with a capital, as German nouns have, unless somebody wrote capitals: they are where they belong."""
    written = any(letter.isupper() for word in words for letter in word)
    return " ".join(word if written and index else word[:1].upper() + word[1:] for index, word in enumerate(words))


def _concept(words: list[str]) -> Value | None:
    """The concept of the Musterdatenkatalog whose name stands in the file's name; the longest of them."""
    whole = "".join(words)
    found = [
        (len(name), one)
        for one in lists.code_lists().values(lists.MUSTERDATENKATALOG)
        if one.broader and len(name := _folded(one.code.rpartition("/")[2])) > 4 and name in whole
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _folded(text: str) -> str:
    plain = text.casefold().translate(_SPELT)
    return re.sub(r"[^a-z0-9]", "", plain)


def require_rule(call: Call, access: str | None, rule: str | None) -> None:
    """Raises Mistake for a file that is not for everybody, and that no rule says anything of."""
    if call.args.file is not None and not rule and access != "open":
        raise Mistake("catalogue.no-rule")


def asked(call: Call, name: str, given: Mapping[str, Any], rule: str | None) -> dict[str, Any]:
    """What was given, and the answers to the questions that are left; `name` is the file's. Raises Mistake."""
    return {**given, **dict(_Questions(call, Proposal(name), given, rule or "").answers())}


class _Questions:
    def __init__(self, call: Call, proposal: Proposal, given: Mapping[str, Any], rule: str) -> None:
        self._call, self._proposal, self._given, self._rule = call, proposal, dict(given), rule

    def answers(self) -> Iterator[tuple[str, Any]]:
        self._call.note("ask.begin")
        for name, value in self._all():
            self._given[name] = value
            yield name, value

    def _all(self) -> Iterator[tuple[str, Any]]:
        for name, ask in (
            ("title", self._title),
            ("description", self._description),
            ("licence", self._licence),
            ("attribution", self._attribution),
            ("themes", self._themes),
            ("keywords", self._keywords),
            ("frequency", self._frequency),
            ("access", self._access),
            ("start", self._period),
            ("hvd", self._hvd),
            ("api", self._api),
        ):
            if name not in self._given and not (name == "start" and "end" in self._given):
                yield from ask()

    def _title(self) -> Iterator[tuple[str, Any]]:
        yield "title", self._ask("title", self._proposal.title, _title)

    def _description(self) -> Iterator[tuple[str, Any]]:
        yield "description", self._ask("description", "", describe.clean)

    def _licence(self) -> Iterator[tuple[str, Any]]:
        self._choices(lists.LICENSES, ("dl-by-de/2.0", "dl-zero-de/2.0", "cc-by/4.0", "cc-zero", "other-closed"))
        proposal = "dl-by-de/2.0" if self._rule in OPEN_RULES else "other-closed"
        yield "licence", self._listed("licence", lists.LICENSES, proposal)

    @property
    def _licence_iri(self) -> str:
        given = str(self._given.get("licence", ""))
        return listed(lists.LICENSES, given) if given.strip() else ""

    def _attribution(self) -> Iterator[tuple[str, Any]]:
        found = lists.code_lists().value(self._licence_iri)
        if found is not None and found.attribution:
            own = Api(self._call.settings().api.socket).get("participants", self._call.args.participant)["name"]
            yield "attribution", self._ask("attribution", own, describe.clean)

    def _themes(self) -> Iterator[tuple[str, Any]]:
        self._choices(lists.DATA_THEME)
        text = self._ask("theme", self._proposal.theme, lambda text: _each(lists.DATA_THEME, text))
        themes = text.split(",") if text else []
        yield "themes", themes
        if self._proposal.concept is not None and "concept" not in self._given and self._proposal.theme in themes:
            yield "concept", self._proposal.concept.code

    def _keywords(self) -> Iterator[tuple[str, Any]]:
        text = self._ask("keywords", self._proposal.keywords, describe.clean)
        yield "keywords", [word.strip() for word in text.split(",") if word.strip()]

    def _frequency(self) -> Iterator[tuple[str, Any]]:
        self._choices(lists.FREQUENCY, ("CONT", "DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "ANNUAL", "IRREG", "NEVER"))
        proposal = "ANNUAL" if self._proposal.year else "IRREG"
        yield "frequency", self._listed("frequency", lists.FREQUENCY, proposal)

    def _access(self) -> Iterator[tuple[str, Any]]:
        is_open = self._rule in OPEN_RULES and lists.code_lists().is_open(self._licence_iri) is True
        proposal = "open" if is_open else "contract"
        words = {code: self._call.say(f"ask.access-words.{code}") for code in get_args(Access)}
        found = self._ask("access", words[proposal] if self._rule else "", lambda text: _access(words, text))
        require_rule(self._call, found, self._rule)
        yield "access", found

    def _period(self) -> Iterator[tuple[str, Any]]:
        start, _, end = self._ask("period", self._proposal.year, _period).partition("/")
        yield "start", start
        yield "end", end or start

    def _hvd(self) -> Iterator[tuple[str, Any]]:
        known, concept = lists.code_lists(), self._proposal.concept
        candidate = None if concept is None else known.value(known.hvd_candidate(concept.iri) or "")
        self._choices(lists.HVD_CATEGORY, HVD_CATEGORIES if candidate is None else (candidate.code,))
        text = self._ask("hvd", self._call.say("ask.no"), lambda text: _each(lists.HVD_CATEGORY, text))
        yield "hvd", text.split(",") if text else []

    def _api(self) -> Iterator[tuple[str, Any]]:
        if self._given["hvd"]:
            yield "api", {"endpoint": self._ask("api", "", checked_address)}

    def _listed(self, name: str, scheme: str, proposal: str) -> str:
        return self._ask(name, proposal, lambda text: listed(scheme, text) if text else "")

    def _choices(self, scheme: str, codes: tuple[str, ...] = ()) -> None:
        known = lists.code_lists()
        for one in known.values(scheme):
            if one.code in codes or not codes:
                self._call.note("ask.choice", code=one.code, label=one.label(self._call.lang))

    def _ask(self, name: str, proposal: str, read: Callable[[str], str]) -> str:
        """The answer as `read` gives it; asked again while it raises Mistake. Raises it at the end of the input."""
        question = self._call.say(f"ask.{name}")
        key = "ask.proposal" if proposal else "ask.plain"
        for attempt in range(ATTEMPTS):
            print(self._call.say(key, question=question, proposal=proposal), end="", file=sys.stderr, flush=True)
            typed = sys.stdin.readline()
            if not typed:
                raise Mistake("cli.ask-ended")
            try:
                return read(typed.strip() or proposal)
            except Mistake as mistake:
                if attempt + 1 == ATTEMPTS:
                    raise
                self._call.note("ask.wrong", reason=say(f"error.{mistake.code}", self._call.lang, **mistake.facts))
        raise AssertionError


def _each(scheme: str, text: str) -> str:
    """Codes with commas; none for a word that means no."""
    wanted = [] if text.casefold() in NO else [one.strip() for one in text.split(",") if one.strip()]
    found = [lists.code_lists().value(listed(scheme, one)) for one in wanted]
    return ",".join(one.code for one in found if one is not None)


def _title(text: str) -> str:
    if not describe.line(text):
        raise Mistake("catalogue.no-title")
    return text


def _access(words: Mapping[str, str], text: str) -> str:
    """By the word of the language, or by that of the option."""
    for code, word in words.items():
        if text.casefold() in (code, word.casefold()):
            return code
    raise Mistake("catalogue.access", value=text[:40], words=", ".join(words.values()))


def _period(text: str) -> str:
    """One day, month or year, or two of them with a stroke."""
    start, _, end = text.partition("/")
    return "/".join(describe.day(one) for one in (start, end) if one.strip())
