CREATE FUNCTION moved_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.moved_to IS NOT NULL AND NEW.moved_to IS DISTINCT FROM OLD.moved_to THEN
    RAISE EXCEPTION 'a participant that has moved does not come back' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER participant_moved BEFORE UPDATE OF moved_to ON participant
  FOR EACH ROW EXECUTE FUNCTION moved_for_good();
