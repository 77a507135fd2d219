-- Orders of an import whose numbers another import's orders of the same day have: most likely the same sales under another
-- till's name. `imported_file` keeps digests of what files hold, unpacked, from now on; a row of before has those of the bytes as they came.
ALTER TABLE sales.import
    -- A person said that they are another till's, so they are taken.
    ADD COLUMN another_till boolean NOT NULL DEFAULT false,
    ADD COLUMN alike bigint NOT NULL DEFAULT 0,
    -- Of so many orders that were looked at.
    ADD COLUMN alike_among bigint NOT NULL DEFAULT 0,
    -- The import that brought the most of them.
    ADD COLUMN alike_import uuid;
