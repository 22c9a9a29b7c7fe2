"""An agreement ends before its time: the sealed statement, and how it reaches the partner."""
