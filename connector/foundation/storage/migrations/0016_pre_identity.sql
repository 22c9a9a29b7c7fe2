-- Which database this is: a data folder notes the id, and belongs to this database alone from then on (decision 0041).
-- It comes back with a backup, so a restored database is the same one.
CREATE TABLE database_identity (one {int} PRIMARY KEY CHECK (one = 1), id {text} NOT NULL);
