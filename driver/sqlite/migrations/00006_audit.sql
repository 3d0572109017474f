-- +goose Up
-- What operators did, and what died, is found by its key. These are few among all that is
-- said: other rows pay nothing for it.
CREATE INDEX journal_audit ON journal (key) WHERE class = 'audit';
