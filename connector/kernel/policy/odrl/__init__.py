"""ODRL documents become frozen values: names, operands, operators, constraints, rules."""
