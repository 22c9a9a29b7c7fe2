"""What the comparisons of ODRL mean, number by number; the engine decides them by ranges and edges."""

from collections.abc import Callable, Mapping

from connector.kernel.policy.odrl.values import Span

COMPARE: Mapping[str, Callable[[int, Span], bool]] = {
    "eq": lambda actual, span: span.start <= actual < span.end,
    "neq": lambda actual, span: not span.start <= actual < span.end,
    "lt": lambda actual, span: actual < span.start,
    "lteq": lambda actual, span: actual < span.end,
    "gt": lambda actual, span: actual >= span.end,
    "gteq": lambda actual, span: actual >= span.start,
}
