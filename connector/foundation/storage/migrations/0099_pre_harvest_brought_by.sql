-- Who had a hand in what a run keeps of a dataset and nobody outside sees yet (pseudonyms, with a space between; empty: all of it is
-- public). Of what a question held before this was kept nobody knows.
ALTER TABLE harvest_dataset ADD COLUMN brought_by {text} NOT NULL DEFAULT '';
UPDATE harvest_dataset SET brought_by = 'p-******' WHERE state IN ('held', 'aside');
