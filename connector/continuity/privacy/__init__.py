"""How long records are kept, what stands against their erasure, and what a person may ask for."""
