-- The root that the participant had before, where a log has a new origin because of a move: its database lost nothing. Sizes do not
-- tell: a database may come back with as many leaves as were signed, and others.
ALTER TABLE log_epoch ADD COLUMN former_root {text};
