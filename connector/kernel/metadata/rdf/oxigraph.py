"""pyoxigraph, loaded when the first term is made or the first document read: a fifth of the memory of an idle server.

Most connectors neither harvest nor write RDF for days. So modules name terms as `oxigraph.NamedNode`, their annotations
are not evaluated, and none makes a term while it is imported (spec/architecture.md 4.4).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyoxigraph import BlankNode as BlankNode
    from pyoxigraph import Literal as Literal
    from pyoxigraph import NamedNode as NamedNode
    from pyoxigraph import RdfFormat as RdfFormat
    from pyoxigraph import Triple as Triple
    from pyoxigraph import parse as parse
    from pyoxigraph import serialize as serialize
else:

    def __getattr__(name: str) -> object:
        """Asked once for each name: from then on it stands here (PEP 562)."""
        if name.startswith("__"):
            raise AttributeError(name)
        import pyoxigraph

        found = globals()[name] = getattr(pyoxigraph, name)
        return found
