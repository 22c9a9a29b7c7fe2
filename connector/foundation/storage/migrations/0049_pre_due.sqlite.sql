-- In SQLite there are no roles to be given more; the step is here so that both databases count the same.
SELECT 1;
