"""The data planes of this process, and what they ask of transfers and report to them."""
