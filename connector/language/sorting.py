"""Lists for people stand in the order of their language."""

from unicodedata import combining, normalize


def alphabetical(text: str) -> str:
    """A key to sort names by as a German dictionary does (DIN 5007-1): `ä` like `a`, `ß` like `ss`, in any case."""
    apart = normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not combining(sign))
