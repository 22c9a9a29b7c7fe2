ALTER TABLE handover ENABLE ROW LEVEL SECURITY;
ALTER TABLE handover FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON handover TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON handover TO hanse;

CREATE FUNCTION only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'active' THEN
      RAISE EXCEPTION 'the last row of a participant stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
      (('active', 'closing'), ('closing', 'closed'), ('closed', 'deleting'), ('deleting', 'deleted')) THEN
    RAISE EXCEPTION 'a participant leaves in one direction' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER participant_forward BEFORE UPDATE OF state OR DELETE ON participant
  FOR EACH ROW EXECUTE FUNCTION only_forward();

-- What could not be deleted so far (the log, seals, what was stated and done) can be now, of a participant alone that is
-- being deleted. For all others the service is refused as before; row-level security shows it no rows but those it names.
CREATE FUNCTION only_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('hanse.participant', true) IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM participant p
       WHERE p.id = current_setting('hanse.participant', true) AND p.state IN ('deleting', 'deleted')) THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;
DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'participant'
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema::regnamespace
       AND NOT has_table_privilege('hanse', c.oid, 'DELETE')
  LOOP
    EXECUTE format('CREATE TRIGGER only_leaving BEFORE DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION only_leaving()', name);
    EXECUTE format('GRANT DELETE ON %I TO hanse', name);
  END LOOP;
END
$$;
