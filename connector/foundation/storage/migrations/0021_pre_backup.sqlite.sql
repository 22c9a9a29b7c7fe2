-- In SQLite no row hides from whoever copies the file; the step is here so that both databases count the same.
SELECT 1;
