"""What a server process does with its memory: collections that do not walk what never goes, and few arenas.

Once a server has started it holds some hundred thousand objects that live as long as it does; Python's collector would
walk them again and again, for a tenth of all time (decision 0090).
"""

import contextlib
import ctypes
import gc
from typing import Final

THRESHOLDS: Final = (10_000, 10, 10)
"""New objects after which the youngest are looked through, and how often before older ones are. A cycle that nothing
refers to lies about for so many objects, some megabytes, before it is found."""
ARENAS: Final = 2
_M_ARENA_MAX: Final = -8


def starting() -> None:
    """Before anything is loaded: what loads is no garbage, and two arenas serve all threads.

    Beside the loop few threads run and the interpreter lets one at a time; glibc would keep an arena for each. Roots
    that nobody uses go before anything else is loaded into their place: later they would leave holes.
    """
    gc.set_threshold(*THRESHOLDS)
    with contextlib.suppress(OSError, AttributeError):  # another C library has neither arenas nor this function
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)
    from connector.foundation.http import late_roots

    late_roots.in_aiohttp()


def started() -> None:
    """What is there by now stays, so no collection looks at it again; what starting left free goes back."""
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
