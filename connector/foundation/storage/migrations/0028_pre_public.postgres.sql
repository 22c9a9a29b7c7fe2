-- Pages are cut by IRI: the order of code points, whatever the locale of the database.
ALTER TABLE public_entry ALTER COLUMN iri TYPE TEXT COLLATE "C";
DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['public_catalogue', 'public_snapshot', 'public_entry', 'public_document'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_rows ON %I TO hanse USING (participant = current_setting(''hanse.participant'', true))'
      ' WITH CHECK (participant = current_setting(''hanse.participant'', true))', name);
    EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER'
      ' USING (current_setting(''hanse.backup'', true) = ''on'')', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO hanse', name);
  END LOOP;
END
$$;
