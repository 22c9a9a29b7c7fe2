-- Into whom a member of a space that is kept here was merged, or wants to be, with who has said so and who of the authority has agreed
-- (JSON); null: nobody has said anything of the kind.
ALTER TABLE space_member ADD COLUMN merger {text};
