"""`hanse vocab`: the code lists in use, and newer ones that an operator adds; works without a server."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.frame.call import OK, Call, named_file, unusable
from connector.cli.frame.parser import Words
from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES
from connector.foundation.language.sorting import alphabetical
from connector.foundation.resources import folder

if TYPE_CHECKING:
    from connector.kernel.metadata.lists.code_lists import CodeList


def register(top: Words, places: Any) -> None:
    group = top.command(places, "vocab")
    inner = group.commands("subcommand")
    listing = group.command(inner, "list")
    listing.word("name", nargs="?", metavar="NAME")
    listing.set_defaults(run=_list)
    update = group.command(inner, "update")
    update.word("files", nargs="+", type=Path, metavar="FILE")
    update.set_defaults(run=_update)


def _list(call: Call) -> int:
    """All lists, or the values of one with their labels: as people and commands name them."""
    from connector.kernel.metadata.lists.updates import known_lists, updates

    known, rules = list(known_lists(call.folder).lists.values()), rule_lists()
    if call.args.name is not None:
        return _values(call, [*known, *rules])
    taken = updates(call.folder)
    shown, ruled = ([_about(call, one) for one in found] for found in (known, rules))
    call.result({"lists": shown, "rule_lists": ruled, "updates": [_shown(one) for one in taken]})
    for one in shown:
        call.tell("vocab.list", **one)
    for update in taken:
        call.tell("vocab.update", file=update.file, sha256=update.sha256, at=update.at)
    call.tell("vocab.rules")
    for one in ruled:
        call.tell("vocab.rule-list", **one)
    call.tell("vocab.more")
    return OK


def rule_lists() -> "Sequence[CodeList]":
    """The lists that rules take their values from, such as purposes and kinds of participants."""
    from connector.kernel.metadata.lists import code_lists

    return [code_lists.read(path) for path in sorted(folder("vocab").glob("*.ttl"))]


def _about(call: Call, one: "CodeList") -> dict[str, Any]:
    facts = {"scheme": one.iri, "title": _title(one, call.lang), "edition": one.edition}
    return {**facts, "values": len(one.values), "source": one.source}


def _values(call: Call, lists: "Sequence[CodeList]") -> int:
    one = _named(call.args.name, lists)
    values = [
        {"iri": each.iri, "code": each.code, "label": each.label(call.lang), "above": each.broader}
        for each in one.values.values()
    ]
    call.result({"scheme": one.iri, "title": _title(one, call.lang), "values": values})
    call.tell("vocab.one", title=_title(one, call.lang), edition=one.edition)
    for value in sorted(values, key=lambda value: alphabetical(str(value["label"]))):
        call.tell("vocab.value", **value)
    return OK


def _named(name: str, lists: "Sequence[CodeList]") -> "CodeList":
    """By its title in either language, the last part of its IRI, or the IRI; raises Mistake with the nearest titles."""
    from connector.data.catalogue.concepts import folded, near

    known = {one.iri: one for one in lists}
    ways = {
        folded(way): one.iri for one in lists for way in (one.iri, re.split("[/#]", one.iri)[-1], *one.titles.values())
    }
    wanted = folded(name)
    if wanted not in ways:
        found = [known[iri] for iri in near(wanted, ways)]
        titles = {lang: ", ".join(_title(one, lang) for one in found) for lang in LANGUAGES}
        raise Mistake("vocab.unknown-list", name=name[:120], nearest=titles)
    return known[ways[wanted]]


def _title(one: "CodeList", lang: str) -> str:
    return one.titles.get(lang) or next(iter(one.titles.values()), one.iri.rpartition("/")[2])


def _update(call: Call) -> int:
    """Each file by itself, in the order given; what was taken before one is refused stays taken."""
    from connector.kernel.metadata.lists.updates import LIMITS, add_lists

    taken = []
    for path in call.args.files:
        data = named_file(path, LIMITS.bytes + 1)
        try:
            taken.append(add_lists(call.folder, path.name, data, rfc3339(SystemClock().now())))
        except OSError as problem:
            raise unusable(call.folder, problem) from problem
        call.tell("vocab.taken", file=path, sha256=taken[-1].sha256)
        for one in taken[-1].lists:
            call.tell("vocab.taken-list", title=one.title, edition=one.edition or "–", values=one.values, new=one.new)
    call.result({"updates": [_shown(one) for one in taken]})
    return OK


def _shown(update: Any) -> Any:
    from msgspec import to_builtins

    return to_builtins(update)
