-- Two different lists of one number, both signed by one authority (its URN): the proof against it, as both were signed.
-- One pair for each authority, the first; `held` was in force here, `other` is what it showed beside that. Process-wide.
CREATE TABLE forked_list (
  authority {text} PRIMARY KEY, version {int} NOT NULL, held {text} NOT NULL, other {text} NOT NULL, found_at {int} NOT NULL);
