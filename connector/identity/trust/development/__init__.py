"""A data space for laptops and tests: its certificate authorities and its trust list."""
