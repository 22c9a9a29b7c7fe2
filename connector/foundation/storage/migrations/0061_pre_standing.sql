-- What the list of a joined space says of us, as it was booked last: the end of the membership (ms; null: without end, or not known
-- yet) and whether it is suspended. A list that says otherwise is news, told once.
ALTER TABLE joined_space ADD COLUMN until {int};
ALTER TABLE joined_space ADD COLUMN suspended {int} NOT NULL DEFAULT 0;

-- Groups of that space that wait for our agreement: IRI to name by language and since when that is known (JSON).
ALTER TABLE joined_space ADD COLUMN asked {text} NOT NULL DEFAULT '{}';
