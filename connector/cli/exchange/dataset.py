"""`hanse dataset list`: what a participant has published, and on which offers."""

from typing import Any

from connector.cli.frame.call import OK, Call
from connector.cli.frame.client import Api
from connector.cli.frame.parser import Words


def register(top: Words, places: Any) -> None:
    group = top.command(places, "dataset")
    listing = group.command(group.commands("dataset_command"), "list")
    listing.word("--as", dest="participant", required=True, metavar="SLUG")
    listing.set_defaults(run=run_list)


def run_list(call: Call) -> int:
    """Newest first."""
    found = Api(call.settings().api.socket).get("participants", call.args.participant, "datasets")
    call.result(found)
    for one in found["datasets"]:
        call.tell("dataset.about", title=one["title"], dataset=one["dataset"], at=one["created"])
        for offer in one["terms"]:
            visibility = call.say(f"dataset.visibility.{offer['visibility']}")
            call.tell("dataset.offer", offer=offer["offer"], visibility=visibility, rule=offer["title"][call.lang])
    if not found["datasets"]:
        call.tell("dataset.none", slug=call.args.participant)
    return OK
