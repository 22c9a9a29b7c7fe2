INSERT INTO database_identity (one, id) VALUES (1, lower(hex(randomblob(16))));
