-- What is published of all datasets changes with their publisher and their series: the count goes up in the same transaction.
CREATE FUNCTION publisher_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalogue AS c (participant, version) VALUES (NEW.id, 1)
    ON CONFLICT (participant) DO UPDATE SET version = c.version + 1;
  RETURN NULL;
END
$$;
CREATE TRIGGER participant_publisher AFTER UPDATE OF publisher ON participant FOR EACH ROW EXECUTE FUNCTION publisher_changed();
CREATE TRIGGER series_changed AFTER INSERT OR UPDATE ON series FOR EACH ROW EXECUTE FUNCTION catalogue_changed();

DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['revision', 'series'] LOOP
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
