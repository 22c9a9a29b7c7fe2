-- When the participants were told that an operator settled two lists of one number (null: still to be told, also after a
-- crash). What was settled before had been told first.
ALTER TABLE forked_list ADD COLUMN settled_told_at {int};
UPDATE forked_list SET settled_told_at = settled_at WHERE settled_at IS NOT NULL;
