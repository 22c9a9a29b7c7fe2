"""Lists for people stand in the order of their language."""

from unicodedata import combining

from connector.foundation.normal_form import normal_form


def alphabetical(text: str) -> str:
    """A key to sort names by as a German dictionary does (DIN 5007-1): `ä` like `a`, `ß` like `ss`, in any case."""
    apart = normal_form("NFKD", text.casefold())
    return "".join(sign for sign in apart if not combining(sign))
