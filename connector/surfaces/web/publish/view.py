"""What pages say of a file that was read: facts, columns, hints, as texts in the language of the page."""

from collections.abc import Sequence

from msgspec import Struct

from connector.data.drafts.model import ANSWERED, Draft
from connector.kernel.metadata.lists.code_lists import DATA_THEME, FREQUENCY, LICENSES, code_lists
from connector.kernel.reading.model import Column, Map, PersonalHint, Reading, Table
from connector.surfaces.web.call import Call

FREQUENCIES = (
    "DAILY",
    "WEEKLY",
    "MONTHLY",
    "QUARTERLY",
    "ANNUAL_2",
    "ANNUAL",
    "BIENNIAL",
    "QUINQUENNIAL",
    "CONT",
    "AS_NEEDED",
    "IRREG",
    "NOT_PLANNED",
)
"""Those that towns use; others can be said on the command line."""
OPEN_LICENCES = ("dl-by-de/2.0", "dl-zero-de/2.0", "cc-by/4.0", "cc-zero")
ROWS = 10
"""Of the preview."""
ANSWERS = ("nobody", "official", "allowed", "remove")
Option = tuple[str, str]
_SYSTEMS = frozenset({25832, 25833, 4647, 5650, 31466, 31467, 31468, 31469, 4326, 4258, 3857})


class ColumnShown(Struct, frozen=True):
    name: str
    kind: str
    filled: str
    remarks: tuple[str, ...]


class HintShown(Struct, frozen=True):
    """A hint on persons: where, why, and what was answered."""

    key: str
    where: str
    why: str
    answer: str
    answered: str


def facts(call: Call, one: Draft) -> list[Option]:
    """Name and text of what is known of the whole file."""
    reading = one.reading
    found = [("name", one.name)]
    if reading is not None:
        found += [("kind", _kind(call, reading)), ("rows", _rows(call, reading)), ("writing", _writing(call, reading))]
        found += [("broken", _broken(call, table)) for table in reading.tables if table.broken.count]
        found += [("place", _place(call, table.map)) for table in reading.tables if table.map is not None]
        if reading.span is not None:
            found.append(("span", _span(call, reading)))
    return [(call.say(f"web.publish.fact.{name}"), text) for name, text in found if text]


def _kind(call: Call, reading: Reading) -> str:
    return call.say(f"web.publish.kind.{reading.kind}", type=reading.file_type or "–")


def _rows(call: Call, reading: Reading) -> str:
    if not reading.tables:
        return ""
    looked, rows = sum(table.looked_at for table in reading.tables), reading.rows
    columns = sum(len(table.columns) + table.more_columns for table in reading.tables)
    key = "all" if looked >= rows else "sample"
    return call.say(f"web.publish.rows.{key}", rows=_count(call, rows), columns=columns, looked=_count(call, looked))


def _count(call: Call, count: int) -> str:
    text = f"{count:,}"
    return text.replace(",", ".") if call.lang == "de" else text


def _writing(call: Call, reading: Reading) -> str:
    encoding, form = reading.encoding, reading.form
    if encoding is None or form is None:
        return ""
    parts = [
        call.say(
            "web.publish.encoding.told",
            name=call.say(f"web.publish.encoding.name.{encoding.name}"),
            sure=call.say(f"web.publish.sure.{encoding.sureness}"),
        ),
        call.say(f"web.publish.separator.{_SEPARATORS.get(form.separator, 'none')}"),
    ]
    if form.decimal:
        parts.append(call.say("web.publish.decimal.comma" if form.decimal == "," else "web.publish.decimal.point"))
    parts.append(
        call.say(
            "web.publish.header.there" if form.header else "web.publish.header.none",
            sure=call.say(f"web.publish.sure.{form.header_sureness}"),
        )
    )
    if encoding.damaged:
        parts.append(call.say("web.publish.encoding.damaged", count=encoding.damaged))
    if encoding.twice:
        parts.append(call.say("web.publish.encoding.twice"))
    return "; ".join(parts)


_SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tabulator", "|": "bar"}


def _broken(call: Call, table: Table) -> str:
    lines = ", ".join(map(str, table.broken.lines))
    return call.say("web.publish.broken", count=table.broken.count, lines=lines)


def _place(call: Call, drawn: Map) -> str:
    if drawn.box is None:
        return call.say("web.publish.place.unknown", crs=drawn.crs)
    west, south, east, north = (f"{degree:.3f}" for degree in drawn.box)
    if call.lang == "de":
        west, south, east, north = (text.replace(".", ",") for text in (west, south, east, north))
    name = call.say(f"web.publish.crs.{drawn.crs}") if drawn.crs in _SYSTEMS else f"EPSG {drawn.crs}"
    return call.say(
        "web.publish.place.told",
        objects=drawn.objects,
        without=drawn.without,
        crs=name,
        sure=call.say(f"web.publish.sure.{drawn.sureness}"),
        west=west,
        south=south,
        east=east,
        north=north,
    )


def _span(call: Call, reading: Reading) -> str:
    if reading.span is None:
        return ""
    return call.say("web.publish.span", first=_day(call, reading.span.start), last=_day(call, reading.span.end))


def _day(call: Call, text: str) -> str:
    parts = text.split("-")
    return ".".join(reversed(parts)) if call.lang == "de" and len(parts) == 3 else text


def asks_zone(reading: Reading | None) -> bool:
    """Whether places are in UTM, and nobody knows in which zone."""
    tables = () if reading is None else reading.tables
    return any(one.map is not None and (one.map.sureness, one.map.crs) == ("guessed", 25832) for one in tables)


def remarks(call: Call, reading: Reading) -> list[str]:
    """What goes out with the file although nobody sees it, and what was not looked at."""
    kinds = reading.remarks or (("closed",) if reading.kind == "other" else ())
    return [call.say(f"web.publish.remark.{kind}") for kind in kinds]


class TableShown(Struct, frozen=True):
    """A table with its first rows; `map`: whether there is something to draw."""

    table: Table
    columns: tuple[ColumnShown, ...]
    rows: tuple[tuple[str, ...], ...]
    map: bool


def tables(call: Call, reading: Reading | None) -> list[TableShown]:
    found = () if reading is None else reading.tables
    return [TableShown(one, tuple(columns(call, one)), one.sample[:ROWS], has_map(one)) for one in found]


def has_map(table: Table) -> bool:
    return table.map is not None and bool(table.map.features)


def columns(call: Call, table: Table) -> list[ColumnShown]:
    return [
        ColumnShown(
            one.name, call.say(f"web.publish.column.{one.kind}"), _count(call, one.filled), tuple(_of(call, one))
        )
        for one in table.columns
    ]


def _of(call: Call, one: Column) -> list[str]:
    said = []
    if one.odd:
        example, line = one.odd_example[:40], one.odd_line
        said.append(call.say("web.publish.column-odd", count=one.odd, line=line, example=example))
    if one.missing:
        said.append(call.say("web.publish.column-missing", count=one.missing))
    if one.kind == "empty":
        said.append(call.say("web.publish.column-empty"))
    return said


def hints(call: Call, one: Draft) -> list[HintShown]:
    return [_hint(call, hint, one) for hint in one.hints]


def _hint(call: Call, hint: PersonalHint, one: Draft) -> HintShown:
    where = f"{hint.table}: {hint.column}" if hint.table else hint.column
    why = call.say(f"web.publish.hint.{hint.kind}", count=hint.count, all=hint.looked_at)
    if hint.named:
        why = f"{why} {call.say('web.publish.hint.named')}"
    answer = one.said.personal.get(hint.key, "")
    answered = call.say(f"web.publish.answer.{answer}") if answer in (*ANSWERED, "remove") else ""
    return HintShown(hint.key, where, why, answer, answered)


def answer_options(call: Call) -> list[Option]:
    return [(answer, call.say(f"web.publish.answer.{answer}")) for answer in ANSWERS]


def frequencies(call: Call, chosen: str = "") -> list[Option]:
    return _options(call, FREQUENCY, FREQUENCIES, chosen)


def themes(call: Call) -> list[Option]:
    codes = [one.code for one in code_lists().values(DATA_THEME) if one.code != "OP_DATPRO"]
    return sorted(_options(call, DATA_THEME, codes), key=lambda one: one[1].casefold())


def licences(call: Call, chosen: str = "") -> list[Option]:
    return _options(call, LICENSES, OPEN_LICENCES, chosen)


def _options(call: Call, scheme: str, codes: Sequence[str], chosen: str = "") -> list[Option]:
    """What is chosen is among them even if few choose it."""
    known = code_lists()
    wanted = [*codes, *([chosen] if chosen and chosen not in codes else [])]
    found = [known.by_code(scheme, code) for code in wanted]
    return [(one.code, one.label(call.lang)) for one in found if one is not None]


def code_of(iri: str) -> str:
    """The code of a value of a list; empty for a value on none."""
    found = code_lists().value(iri) if iri else None
    return found.code if found is not None else ""


def label_of(call: Call, iri: str) -> str:
    return (code_lists().label(iri, call.lang) or iri) if iri else ""
