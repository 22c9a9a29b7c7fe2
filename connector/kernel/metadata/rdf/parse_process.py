"""The process that parses what others wrote: bytes on stdin, N-Triples on stdout, one line of JSON on stderr.

Run by its path and alone (`reading` starts it), so it imports pyoxigraph and the standard library only. It takes its
limits before it reads a byte, refuses entities before a parser sees them, and ends with what it was asked
(spec/metadata-import.md 1.1, decision 0060).
"""

import codecs
import html.entities
import json
import re
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyoxigraph as ox

FORMS = {
    "json-ld": ox.RdfFormat.JSON_LD,
    "n-triples": ox.RdfFormat.N_TRIPLES,
    "rdf-xml": ox.RdfFormat.RDF_XML,
    "turtle": ox.RdfFormat.TURTLE,
}
ERRORS = 100
"""Mistakes of syntax after which a Turtle or N-Triples file counts as something else."""
EXAMPLES = 5
SHOWN = 160
ENTITIES = 256
ENTITY = 1_024
LOST = "\ufffd"
"""Stands where bytes were no text."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_ENCODINGS = {"utf-8", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-15", "cp1252", "ascii"}
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_DECLARATION = re.compile(r"<\?xml\b[^<>]*+(?<=\?)>")
_ENTITY_DECLARED = re.compile(r"<!ENTITY", re.IGNORECASE)
_PLAIN_ENTITY = re.compile(r"""<!ENTITY\s+([A-Za-z_][\w.-]*)\s+(?:"([^"&%<]*)"|'([^'&%<]*)')\s*>""")
_ELSEWHERE = re.compile(r"<!DOCTYPE\s+[^\s\[>]+\s+(?:SYSTEM|PUBLIC)\b", re.IGNORECASE)
_REFERENCE = re.compile(r"<!\[CDATA\[(?>.*?(?:\]\]>|\Z))|&([A-Za-z][\w.-]*);", re.DOTALL)
_PREDEFINED = {"amp", "lt", "gt", "quot", "apos"}
_TAG = re.compile(
    r"<!--(?>.*?(?:-->|\Z))|<!\[CDATA\[(?>.*?(?:\]\]>|\Z))|<\?(?>.*?(?:\?>|\Z))|<(/)"
    r"|<[^\s/>!?\"'](?>(?:[^\"'>/]+|\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|/(?!>))*)(?:(/?)>|\Z)",
    re.DOTALL,
)
"""What is not closed reaches to the end: tried at each beginning anew, a document of beginnings costs its square."""
_STRING = re.compile(
    r"<[^<>\"\s]*>|#[^\n]*"
    r'|"""(?>(?:[^"\\]+|\\.?|"(?!""))*)(?:"""|(?P<open>\Z))|"(?>(?:[^"\\\n\r]+|\\.)*)(?:"|(?P<cut>))'
    r"|'''(?>(?:[^'\\]+|\\.?|'(?!''))*)(?:'''|(?P<open_too>\Z))|'(?>(?:[^'\\\n\r]+|\\.)*)(?:'|(?P<cut_too>))",
    re.DOTALL,
)
"""Strings of Turtle, and in what they could seem to begin. One that is not closed ends with its line or the document,
and is named: searched again from its inside, it costs its square."""
STRING = 4 * 1024**2
"""Characters of a string that the parser holds in any case: of 16 MiB, and a character has up to four bytes."""
_UNSAFE = re.compile(r"[\x00-\x20<>\"{}|^`\\]")


def notation(iri: str) -> str:
    """In N-Triples and Turtle; characters that no IRI may have are escaped."""
    return "<" + _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", iri) + ">"


class Refused(Exception):
    """The whole document, with a code that `reading` knows."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


class Remarks:
    """What was set aside or let pass, by kind: how often, and the first examples."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        self.counts[kind] += 1
        shown = self.examples.setdefault(kind, [])
        if len(shown) < EXAMPLES:
            shown.append("".join(c if c.isprintable() else " " for c in example[:SHOWN]))

    def told(self) -> list[dict[str, Any]]:
        return [{"kind": kind, "count": n, "examples": self.examples[kind]} for kind, n in sorted(self.counts.items())]


def text_of(content: bytes, form: str, remarks: Remarks) -> str:
    """As text; bytes that are none become `LOST` and are remarked, so that what holds them can be set aside."""
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "")
    if not encoding and form == "rdf-xml" and (declared := _DECLARED.match(content[:512])):
        encoding = declared[1].decode("ascii")
    try:
        name = codecs.lookup(encoding or "utf-8").name
    except LookupError:
        name = encoding
    if name not in _ENCODINGS or (name.startswith("utf-16") and form != "rdf-xml"):
        raise Refused("encoding", name=name[:40])
    try:
        return content.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as cause:
        remarks.add("encoding", f"{name}, byte {cause.start}")
        return content.decode(name, "replace").removeprefix("\ufeff")


def xml(text: str, most: int, depth: int, remarks: Remarks) -> str:
    """The document without declaration of encoding; entities are judged wherever they stand, in a comment too."""
    entities: dict[str, str] = {}
    if _ELSEWHERE.search(text):
        raise Refused("external")
    for found in _ENTITY_DECLARED.finditer(text):
        plain = _PLAIN_ENTITY.match(text, found.start())
        if plain is None or len(plain[0]) > ENTITY or len(entities) >= ENTITIES:
            raise Refused("entities")
        entities[plain[1]] = plain[2] if plain[2] is not None else plain[3]
    text = _DECLARATION.sub("", text, count=1)
    _require_shallow(text, depth)
    used = Counter(found[1] for found in _REFERENCE.finditer(text) if found[1])
    if sum(len(entities.get(name, "")) * count for name, count in used.items()) > most:
        raise Refused("entities")
    unknown = used.keys() - entities.keys() - _PREDEFINED
    if unknown:
        text = _REFERENCE.sub(lambda found: _replaced(found, unknown, remarks), text)
    return text


def _replaced(found: re.Match[str], unknown: set[str], remarks: Remarks) -> str:
    """A character that HTML names (`&nbsp;`), in a document that forgot to declare it."""
    if found[1] not in unknown:
        return found[0]
    remarks.add("entity", found[0])
    return html.escape(html.entities.html5.get(f"{found[1]};", LOST))


def _require_shallow(text: str, depth: int) -> None:
    level = 0
    for tag in _TAG.finditer(text):
        if tag[1]:
            level -= 1
        elif tag[2] == "":
            level += 1
            if level > depth:
                raise Refused("nesting", depth=depth)


def json_ld(text: str, depth: int) -> str:
    """Raises `Refused` for a context that lies elsewhere: nothing is ever fetched to understand a document."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise Refused("nesting", depth=depth) from None
    except ValueError as cause:
        raise Refused("syntax", problem=str(cause)[:SHOWN]) from None
    todo = [(document, 1)]
    while todo:
        value, level = todo.pop()
        if level > depth:
            raise Refused("nesting", depth=depth)
        if isinstance(value, dict):
            for key, each in value.items():
                if key in {"@context", "@import"}:
                    _require_inline(each)
                if isinstance(each, dict | list):
                    todo.append((each, level + 1))
        elif isinstance(value, list):
            todo.extend((each, level + 1) for each in value if isinstance(each, dict | list))
    return text


def _require_inline(context: object) -> None:
    for each in context if isinstance(context, list) else [context]:
        if isinstance(each, str):
            raise Refused("context", url=each[:SHOWN])


def lines_within(text: str, most: int, remarks: Remarks) -> str:
    """N-Triples without lines that are too long to be read."""
    if len(text) <= most:
        return text
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > most:
            remarks.add("literal-length", f"line {number}")
        else:
            kept.append(line)
    return "\n".join(kept)


def strings_within(text: str, most: int) -> str:
    """Turtle with a string that is just too long in the place of those that the parser could not hold, so that
    the triple is set aside and the rest goes on."""
    parts, at = [], 0
    for token in _STRING.finditer(text) if len(text) > STRING else ():
        start, end = token.span()
        if end - start > STRING and text[start] in "\"'" and token.lastgroup is None:
            parts += [text[at:start], '"', "x" * (most + 1), '"']
            at = end
    return "".join([*parts, text[at:]]) if parts else text


def parsed(document: bytes, form: str, base: str | None, remarks: Remarks) -> Iterator[ox.Quad]:
    """Triples of all graphs; Turtle and N-Triples go on behind a mistake of syntax, at the next full stop."""
    quads = ox.parse(document, format=FORMS[form], base_iri=base, lenient=True, rename_blank_nodes=True)
    mistakes = 0
    while True:
        try:
            yield next(quads)
        except StopIteration:
            return
        except MemoryError:
            raise Refused("exhausted") from None  # the parser keeps no more than 16 MiB of one literal
        except SyntaxError as cause:
            mistakes += 1
            problem = str(cause.msg or cause)
            if form not in {"turtle", "n-triples"} or mistakes > ERRORS:
                raise Refused("syntax", problem=problem[:SHOWN]) from None
            remarks.add("syntax", problem)


class Writer:
    """Terms as N-Triples; an IRI that is none is judged once."""

    def __init__(self, limits: dict[str, int], form: str, damaged: bool, remarks: Remarks) -> None:
        self.limits, self.form, self.damaged, self.remarks = limits, form, damaged, remarks
        self._iris: dict[str, tuple[str | None, str]] = {}

    def line(self, quad: ox.Quad) -> str | None:
        """None for a triple that is set aside."""
        parts = []
        predicate = quad.predicate
        for term in (quad.subject, predicate, quad.object):
            if isinstance(term, ox.NamedNode):
                kind, said = self._iri(term.value)
                if said == "" and kind == "relative-iri" and term is predicate:
                    kind = "unmapped"
            elif isinstance(term, ox.Literal):
                kind, said = self._literal(term)
            elif isinstance(term, ox.BlankNode):
                kind, said = None, str(term)
            else:
                kind, said = "quoted", ""
            if kind is not None:
                self.remarks.add(kind, _shown(quad))
            if said == "":
                return None
            parts.append(said)
        return f"{parts[0]} {parts[1]} {parts[2]} .\n"

    def _iri(self, iri: str) -> tuple[str | None, str]:
        """A kind to remark and the notation; no notation: the triple is set aside."""
        known = self._iris.get(iri)
        if known is None:
            known = self._iris[iri] = self._judged(iri)
        return known

    def _judged(self, iri: str) -> tuple[str | None, str]:
        if len(iri) > self.limits["iri"]:
            return "iri-length", ""
        if self.damaged and LOST in iri:
            return "encoding", ""
        try:
            ox.NamedNode(iri)
        except ValueError:
            said = notation(iri)
            if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri):
                return "bad-iri", said
            return "relative-iri", "" if self.form == "json-ld" else said
        return None, f"<{iri}>"

    def _literal(self, literal: ox.Literal) -> tuple[str | None, str]:
        if len(literal.value) > self.limits["literal"]:
            return "literal-length", ""
        if self.damaged and LOST in literal.value:
            return "encoding", ""
        if literal.language is not None:
            return self._tagged(literal, literal.language)
        kind, said = self._iri(literal.datatype.value)
        return (None, str(literal)) if kind is None else (kind, said and f"{ox.Literal(literal.value)}^^{said}")

    def _tagged(self, literal: ox.Literal, tag: str) -> tuple[str | None, str]:
        """`de_DE` is meant as `de-DE`; a text with any other tag that is none goes on without it.

        An empty tag is how XML says that a text is in no language.
        """
        if _is_language(tag):
            return None, str(literal)
        meant = tag.replace("_", "-")
        said = ox.Literal(literal.value, language=meant if _is_language(meant) else None)
        return "language" if tag else None, str(said)


def _is_language(tag: str) -> bool:
    try:
        ox.Literal("", language=tag)
    except ValueError:
        return False
    return True


def _shown(quad: ox.Quad) -> str:
    return " ".join(str(term)[:SHOWN] for term in (quad.predicate, quad.object, quad.subject))


def run(content: bytes, form: str, base: str | None, limits: dict[str, int], out: BinaryIO) -> dict[str, Any]:
    """Writes the triples; the report says what was set aside, or why nothing was read."""
    remarks = Remarks()
    try:
        text = text_of(content, form, remarks)
        damaged = bool(remarks.counts)
        if form == "rdf-xml":
            text = xml(text, limits["bytes"], limits["nesting"], remarks)
            damaged = damaged or bool(remarks.counts)
        elif form == "json-ld":
            text = json_ld(text, limits["nesting"])
        elif form == "n-triples":
            text = lines_within(text, limits["literal"] + 3 * limits["iri"], remarks)
        elif form == "turtle":
            text = strings_within(text, limits["literal"])
        writer = Writer(limits, form, damaged, remarks)
        left = limits["written"]
        for count, quad in enumerate(parsed(text.encode("utf-8", "replace"), form, base, remarks), 1):
            if count > limits["triples"]:
                raise Refused("too-many", limit=limits["triples"])
            if (line := writer.line(quad)) is not None:
                said = line.encode("utf-8", "replace")
                left -= len(said)
                if left < 0:
                    raise Refused("exhausted")
                out.write(said)
    except Refused as refused:
        return {"error": refused.code, "facts": refused.facts}
    except MemoryError:
        return {"error": "exhausted", "facts": {}}
    return {"remarks": remarks.told()}


def main() -> None:
    """`argv[1]`: form, base and limits as JSON."""
    asked = json.loads(sys.argv[1])
    limits = asked["limits"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    report = run(sys.stdin.buffer.read(), asked["form"], asked["base"], limits, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    sys.stderr.write(json.dumps(report))


if __name__ == "__main__":
    main()
