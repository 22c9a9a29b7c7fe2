"""What a provider sealed beside what we would have written, line by line, so that a person can read and decide.

Pure, and made for hostile documents: nothing is rendered, nothing is left out because it looks harmless. Every line of
the source that differs is told; what a browser would hide, run or draw alike is named (threat T65).
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Literal

import msgspec

Mark = Literal["script", "style", "comment", "markup", "invisible", "letters", "layout", "unknown"]
MOST = 200
"""Differing lines that are told of one document; how many there are besides is said."""
LONGEST = 2_000
"""Characters of one line; how many there are besides is said."""
MOST_PAIRS = 250_000
"""Lines of ours times lines of theirs that are compared one by one, beyond what both have at the beginning and end."""
DEEPEST = 60
_USUAL = frozenset("„“”‚‘’‹›«»–—…§€°²³µ·×÷±¼½¾")
_REGIONS: tuple[tuple[Mark, re.Pattern[str]], ...] = (
    ("script", re.compile(r"<script.*?(?:</script|\Z)", re.DOTALL | re.IGNORECASE)),
    ("style", re.compile(r"<style.*?(?:</style|\Z)", re.DOTALL | re.IGNORECASE)),
    ("comment", re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)),
)
_PLAIN = re.compile(r"</?(?:b|body|br|code|dd|dl|dt|h1|h2|head|html|main|p|table|tbody|td|th|thead|tr|title)>")
"""Tags of our own text that hold nothing but text; whatever else stands between `<` and `>` is shown as it is."""


class Line(msgspec.Struct, frozen=True):
    """A line of one side that the other one has not: `side` is whose, `number` its line in the document there.

    `text` is safe to show. `marks` name what a browser would not show, or not show so: `markup` is source that is no
    text, `invisible` and `letters` are signs that nobody sees or that look like others. `more` characters are cut.
    """

    side: Literal["ours", "theirs"]
    number: int
    text: str
    marks: tuple[Mark, ...] = ()
    more: int = 0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs in one signed document; `more` lines are not told.

    `marks`: `unknown`, we know of none to compare with; `layout`, all lines are the same, but not the bytes.
    """

    name: str
    lines: tuple[Line, ...]
    more: int = 0
    marks: tuple[Mark, ...] = ()


def difference(name: str, ours: bytes | None, theirs: bytes) -> Difference | None:
    """None if there is none; `ours` None: everything of theirs is told."""
    if ours == theirs:
        return None
    read = _members if name.endswith((".json", ".jsonld")) else _source
    mine, other = [] if ours is None else read(ours), read(theirs)
    marks: tuple[Mark, ...] = ("unknown",) if ours is None else ("layout",) if mine == other else ()
    lines = tuple(_differing(mine, other))
    return Difference(name=name, lines=lines[:MOST], more=max(0, len(lines) - MOST), marks=marks)


def shown(text: str) -> str:
    """The text with every sign that is not seen, or that a reader would take for another one, spelt out."""
    return "".join(_sign(sign) for sign in text)


Raw = tuple[str, frozenset[Mark]]
"""A line of the source and in what regions of it a part of it lies."""


def _source(body: bytes) -> list[Raw]:
    text = body.decode("utf-8", "backslashreplace")
    inside: list[set[Mark]] = [set() for _ in range(text.count("\n") + 1)]
    for mark, region in _REGIONS:
        line = at = 0
        for found in region.finditer(text):
            line += text.count("\n", at, found.start())
            at = found.start()
            for number in range(line, line + found[0].count("\n") + 1):
                inside[number].add(mark)
    return [(line, frozenset(marks)) for line, marks in zip(text.split("\n"), inside, strict=True)]


def _members(body: bytes) -> list[Raw]:
    """Every value of a JSON text with its place, in the order of the text, members that stand twice twice."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_Pairs)
        return [(line, frozenset()) for line in _placed(value, "", 0)]
    except (ValueError, RecursionError):
        return _source(body)


class _Pairs(list[tuple[str, object]]):
    """The members of a JSON object as they stand there."""


def _placed(value: object, place: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise RecursionError
    if isinstance(value, _Pairs) and value:
        for name, inner in value:
            yield from _placed(inner, f"{place}.{name}" if place else name, depth + 1)
    elif isinstance(value, list) and value and not isinstance(value, _Pairs):
        for number, inner in enumerate(value, 1):
            yield from _placed(inner, f"{place}[{number}]", depth + 1)
    else:
        empty = "{}" if isinstance(value, _Pairs) else json.dumps(value, ensure_ascii=False)
        yield f"{place}: {empty}"


def _differing(ours: Sequence[Raw], theirs: Sequence[Raw]) -> Iterator[Line]:
    start = _common(ours, theirs)
    end = _common(ours[start:][::-1], theirs[start:][::-1])
    mine, other = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    for way, a, b, c, d in _steps([one for one, _ in mine], [one for one, _ in other]):
        if way != "equal":
            yield from (_line("ours", start + at + 1, mine[at]) for at in range(a, b))
            yield from (_line("theirs", start + at + 1, other[at]) for at in range(c, d))


def _steps(ours: Sequence[str], theirs: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(ours) * len(theirs) > MOST_PAIRS:
        return [("replace", 0, len(ours), 0, len(theirs))]
    from difflib import SequenceMatcher

    return SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()


def _common(ours: Sequence[Raw], theirs: Sequence[Raw]) -> int:
    """How many lines both begin with."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((at for at, (mine, other) in pairs if mine != other), min(len(ours), len(theirs)))


def _line(side: Literal["ours", "theirs"], number: int, raw: Raw) -> Line:
    source, inside = raw
    plain = _PLAIN.sub(" ", source).strip()
    markup = "<" in plain or ">" in plain
    text = source if markup or inside or not plain else unescape(plain)
    cut = text[:LONGEST]
    told = shown(cut)
    marks: set[Mark] = {*inside}
    if markup and not inside:
        marks.add("markup")
    marks |= {_mark(sign) for sign in cut if _odd(sign)}
    return Line(side, number, told, tuple(sorted(marks)), len(text) - len(cut))


def _sign(sign: str) -> str:
    if not _odd(sign):
        return sign
    code = f"[U+{ord(sign):04X}]"
    return f"{sign}{code}" if _mark(sign) == "letters" else code


def _odd(sign: str) -> bool:
    """Neither ASCII that is seen, nor a letter or sign as German and English texts have them."""
    return not (" " <= sign <= "~" or sign in _USUAL or ("À" <= sign <= "ž" and sign.isalpha()))


def _mark(sign: str) -> Mark:
    return "invisible" if unicodedata.category(sign)[0] in "CMZ" else "letters"


def differences(ours: Mapping[str, bytes | None], theirs: Mapping[str, bytes]) -> tuple[Difference, ...]:
    """Of all documents of `theirs`, in their order, those that are not ours."""
    found = (difference(name, ours.get(name), body) for name, body in theirs.items())
    return tuple(one for one in found if one is not None)
