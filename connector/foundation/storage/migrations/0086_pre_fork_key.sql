-- The public key (JWK) of the authority: whoever goes by none of its lists any more has its proof all the same (null: found
-- before this column).
ALTER TABLE forked_list ADD COLUMN jwk {text};
