-- A row lasts as long as any token of its second could (decision 0124): of what is here only the end is known, and the
-- second of a token is never later than that. On PostgreSQL this changes no row, for FORCE binds the owner too; nothing
-- there asks a row for its second, and each lasts as long as its token may be used.
UPDATE seen_token SET expires_at = expires_at + 631000;
