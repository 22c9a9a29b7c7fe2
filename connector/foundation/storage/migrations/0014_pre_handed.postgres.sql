-- Each row is asked whose it is: the name that a statement began under can change while it runs.
CREATE FUNCTION only_of_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('hanse.participant', true) IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM participant p WHERE p.id = OLD.participant AND p.state IN ('deleting', 'deleted')) THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$;
-- A temporary table of the same name would be asked before ours: any session may make one.
DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['only_leaving', 'only_of_leaving', 'only_erasure'] LOOP
    EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema);
  END LOOP;
  FOR name IN
    SELECT c.relname FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
     WHERE t.tgname = 'only_leaving' AND c.relnamespace = current_schema::regnamespace
  LOOP
    EXECUTE format('CREATE TRIGGER only_of_leaving BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION only_of_leaving()', name);
  END LOOP;
END
$$;
