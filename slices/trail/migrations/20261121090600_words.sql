-- The operator looks for a word in every business.
CREATE INDEX word_anywhere ON trail.word (word, tenant_id, target_id);
