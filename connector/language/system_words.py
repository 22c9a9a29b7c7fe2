"""What the operating system says of a file, a folder or an address, in the words of people."""

import errno
from collections.abc import Mapping

from connector.language import LANGUAGES, both

_SAID = {
    errno.ENOENT: "missing", errno.EACCES: "forbidden", errno.EPERM: "forbidden", errno.EISDIR: "folder",
    errno.ENOTDIR: "no-folder", errno.ENAMETOOLONG: "long", errno.ELOOP: "circle", errno.EBUSY: "busy",
    errno.ENOSPC: "full", errno.EDQUOT: "quota", errno.EROFS: "read-only", errno.EIO: "broken", errno.EFBIG: "large",
    errno.EMFILE: "many-open", errno.ENFILE: "many-open",
    errno.EADDRINUSE: "taken", errno.EADDRNOTAVAIL: "not-here",
}  # fmt: skip


def system_words(problem: Exception) -> Mapping[str, str]:
    """By language, as a fact of a sentence takes them (`say`); what only the system or a parser knows stays in its
    words."""
    name = _SAID.get(problem.errno or 0) if isinstance(problem, OSError) else None
    if name is not None:
        return dict(zip(LANGUAGES, both(f"system.{name}"), strict=True))
    said = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return dict.fromkeys(LANGUAGES, said)
