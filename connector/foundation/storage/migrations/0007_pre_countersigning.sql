-- Who approved of the contract in person, as JSON (role, pseudonym, mandate, on whose behalf); NULL if a rule decides.
ALTER TABLE negotiation ADD COLUMN approval {text};
