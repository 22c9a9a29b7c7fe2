"""A participant leaves: everything is closed, every partner told, evidence handed over, the rest deleted."""
