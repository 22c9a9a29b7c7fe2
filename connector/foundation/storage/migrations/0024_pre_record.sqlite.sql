-- What is published of all datasets changes with their publisher and their series: the count goes up in the same transaction.
CREATE TRIGGER participant_publisher AFTER UPDATE OF publisher ON participant BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.id, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER series_insert AFTER INSERT ON series BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER series_update AFTER UPDATE ON series BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
