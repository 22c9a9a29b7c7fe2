"""What a plug-in imports, by a path that stays: how an operand is registered, and what its function is given.

Whatever else lies in this package may move from one release to the next (docs/plugins.md).
"""

from connector.kernel.policy.odrl.registry import left_operand
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, Value, World
from connector.kernel.policy.odrl.values import Type

__all__ = ["Deed", "Fact", "Type", "Value", "World", "left_operand"]
