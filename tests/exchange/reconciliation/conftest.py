"""Two towns that ask each other for their logs, and an agreement between them."""

from tests.testkit.neighbours import agreement as agreement
from tests.testkit.neighbours import both as both
