"""`python -m tests.desk.journeys [NAME …]`: plays the journeys, or those whose name or persona is given.

`--way mouse|no-scripts|keyboard` plays one way only. 0: all passed; 1: some failed; 77: no browser here.
"""

import argparse
import sys

import uvloop

from tests.desk.browser import missing
from tests.desk.journeys import play
from tests.desk.journeys.all import JOURNEYS
from tests.desk.journeys.stage import WAYS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.desk.journeys", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--way", choices=[way.replace(" ", "-") for way in WAYS], action="append")
    args = parser.parse_args()
    if (why := missing()) is not None:
        print(f"skipped: {why}")
        return 77
    ways = [way for way in WAYS if not args.way or way.replace(" ", "-") in args.way]
    chosen = [one for one in JOURNEYS if not args.names or {one.name, one.persona} & set(args.names)]
    runs = uvloop.run(play.play(chosen, ways, lambda run: print(run.line(), flush=True)))
    failed = sum(bool(run.fault) for run in runs)
    print(f"{len(runs) - failed} passed, {failed} failed")
    return 1 if failed or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
