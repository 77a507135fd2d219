-- Finding what the log speaks of by the words of its name. Names of people are not among them: they can be erased.
SELECT db.slice_schema('trail');

CREATE TABLE trail.word (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    word text COLLATE "C" NOT NULL CHECK (length(word) BETWEEN 1 AND 60),
    kind text NOT NULL,
    target_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, word, kind, target_id)
);
SELECT db.tenant_table('trail.word', append_only => true);
REVOKE INSERT ON trail.word FROM hearth_app;

-- Up to which entry the log was read for words.
CREATE TABLE trail.read_through (
    tenant_id uuid PRIMARY KEY REFERENCES db.tenant (id),
    n bigint NOT NULL
);
SELECT db.tenant_table('trail.read_through');
REVOKE INSERT, UPDATE, DELETE ON trail.read_through FROM hearth_app;
