"""`hanse vocab`: the code lists in use, and newer ones that an operator adds; works without a server."""

from pathlib import Path
from typing import Any

from connector.cli.frame.call import OK, Call, named_file, unusable
from connector.cli.frame.parser import Words
from connector.clock import SystemClock, rfc3339


def register(top: Words, places: Any) -> None:
    group = top.command(places, "vocab")
    inner = group.commands("subcommand")
    group.command(inner, "list").set_defaults(run=_list)
    update = group.command(inner, "update")
    update.word("files", nargs="+", type=Path, metavar="FILE")
    update.set_defaults(run=_update)


def _list(call: Call) -> int:
    from connector.metadata.lists.updates import known_lists, updates

    lists = [
        {
            "scheme": one.iri,
            "title": one.titles.get(call.lang) or next(iter(one.titles.values()), one.iri.rpartition("/")[2]),
            "edition": one.edition,
            "values": len(one.values),
            "source": one.source,
        }
        for one in known_lists(call.folder).lists.values()
    ]
    taken = updates(call.folder)
    call.result({"lists": lists, "updates": [_shown(one) for one in taken]})
    for one in lists:
        call.tell("vocab.list", **one)
    for update in taken:
        call.tell("vocab.update", file=update.file, sha256=update.sha256, at=update.at)
    return OK


def _update(call: Call) -> int:
    """Each file by itself, in the order given; what was taken before one is refused stays taken."""
    from connector.metadata.lists.updates import LIMITS, take

    taken = []
    for path in call.args.files:
        data = named_file(path, LIMITS.bytes + 1)
        try:
            taken.append(take(call.folder, path.name, data, rfc3339(SystemClock().now())))
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
