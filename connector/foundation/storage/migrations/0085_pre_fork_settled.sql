-- When the participants were told of two lists of one number (null: still to be told, also after a crash), and when an
-- operator settled it (null: the strictest of both holds).
ALTER TABLE forked_list ADD COLUMN told_at {int};
ALTER TABLE forked_list ADD COLUMN settled_at {int};
