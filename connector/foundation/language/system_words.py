"""What the operating system says of a file, a folder or an address, in the words of people."""

import errno
import socket
from collections.abc import Mapping

from connector.foundation.language import LANGUAGES, both

_SAID = {
    errno.ENOENT: "missing",
    errno.EACCES: "forbidden",
    errno.EPERM: "forbidden",
    errno.EISDIR: "folder",
    errno.ENOTDIR: "no-folder",
    errno.ENAMETOOLONG: "long",
    errno.ELOOP: "circle",
    errno.EBUSY: "busy",
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EROFS: "read-only",
    errno.EIO: "broken",
    errno.EFBIG: "large",
    errno.EMFILE: "many-open",
    errno.ENFILE: "many-open",
    errno.ENXIO: "no-file",
    errno.EADDRINUSE: "taken",
    errno.EADDRNOTAVAIL: "not-here",
}


def system_words(problem: Exception) -> Mapping[str, str]:
    """By language, as a fact of a sentence takes them (`say`); what only the system or a parser knows stays in its
    words."""
    name = _name(problem)
    if name is not None:
        return dict(zip(LANGUAGES, both(f"system.{name}"), strict=True))
    said = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return dict.fromkeys(LANGUAGES, said)


def _name(problem: Exception) -> str | None:
    if isinstance(problem, UnicodeDecodeError):
        return "no-text"
    if isinstance(problem, socket.gaierror):  # its numbers are of another kind
        return "unknown-name"
    return _SAID.get(problem.errno or 0) if isinstance(problem, OSError) else None
