-- Codes go to telephones too.
ALTER TABLE post.letter ADD COLUMN way text NOT NULL DEFAULT 'mail' CHECK (way IN ('mail', 'text'));
