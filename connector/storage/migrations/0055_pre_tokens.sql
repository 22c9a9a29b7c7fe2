-- A row lasts as long as any token of its second could (decision 0124): of what is here only the end is known, and the
-- second of a token is never later than that.
UPDATE seen_token SET expires_at = expires_at + 631000;
