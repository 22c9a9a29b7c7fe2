GRANT SELECT, INSERT, UPDATE, DELETE ON clock_note TO hanse, hanse_worker;
