INSERT INTO database_identity (one, id) VALUES (1, replace(gen_random_uuid()::text, '-', ''));
-- Made once, here; the service only reads it.
GRANT SELECT ON database_identity TO hanse;
