-- PostgreSQL keeps rows apart from their keys and has no other way; the step is here so that both databases count the same.
SELECT 1;
