"""The public catalogue: what everybody may read without an account, as snapshots that harvesters page through."""
