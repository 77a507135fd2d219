-- What an intent was answered with is kept for thirty days; then it goes, in batches.
GRANT DELETE ON db.intent TO hearth_system;

-- A job acts as whoever asked for it: a person, a key for programs, or support on behalf of somebody.
ALTER TABLE db.job ADD COLUMN actor_kind text, ADD COLUMN actor_name text;

-- What the activity says of a person can be forgotten; that something happened stays.
GRANT UPDATE (address, detail) ON db.activity TO hearth_system;
