ALTER TABLE departure ENABLE ROW LEVEL SECURITY;
ALTER TABLE departure FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON departure TO hanse USING (participant = current_setting('hanse.participant', true))
  WITH CHECK (participant = current_setting('hanse.participant', true));
CREATE POLICY backup ON departure FOR SELECT TO CURRENT_USER USING (current_setting('hanse.backup', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON departure, arrival TO hanse;

CREATE OR REPLACE FUNCTION only_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state NOT IN ('active', 'arriving') THEN
      RAISE EXCEPTION 'the last row of a participant stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
      (('active', 'closing'), ('closing', 'closed'), ('closed', 'deleting'), ('deleting', 'deleted'),
       ('active', 'moving'), ('moving', 'active'), ('moving', 'moved'), ('moved', 'deleting'), ('arriving', 'active')) THEN
    RAISE EXCEPTION 'a participant leaves in one direction' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;

-- What was handed over stays handed over: there is no way back, neither here nor there.
CREATE FUNCTION handed_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.state = 'handed' THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND EXISTS (
      SELECT 1 FROM participant p WHERE p.id = OLD.participant AND p.state IN ('deleting', 'deleted')) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'a participant that was handed over does not come back' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER departure_forward BEFORE UPDATE OR DELETE ON departure
  FOR EACH ROW WHEN (OLD.state = 'handed') EXECUTE FUNCTION handed_for_good();

-- What has not arrived yet may be taken out again, whole: nothing of it was ever in force here.
CREATE OR REPLACE FUNCTION only_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('hanse.participant', true) IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM participant p
       WHERE p.id = current_setting('hanse.participant', true) AND p.state IN ('deleting', 'deleted', 'arriving')) THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION only_of_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('hanse.participant', true) IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM participant p WHERE p.id = OLD.participant AND p.state IN ('deleting', 'deleted', 'arriving')) THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$;
DO $$
DECLARE
  name TEXT;
BEGIN
  FOREACH name IN ARRAY ARRAY['only_leaving', 'only_of_leaving', 'handed_for_good'] LOOP
    EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema);
  END LOOP;
END
$$;
