-- +goose Up
-- A dead message bears its problem (failure.Problem), when it died and how often it was given
-- a new start, and after an edit the id of the message whose place it has taken. The indexes
-- hold dead rows only, but for what is due and what is counted: others pay nothing for them.
-- They bear the column of their condition: without it SQLite would look into the table.
-- Rows that are dead already get their problem when they are first looked at.
ALTER TABLE parked ADD COLUMN problem TEXT NOT NULL DEFAULT '';
ALTER TABLE parked ADD COLUMN died BIGINT NOT NULL DEFAULT 0;
ALTER TABLE parked ADD COLUMN redrives BIGINT NOT NULL DEFAULT 0;
ALTER TABLE parked ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN problem TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN died BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN redrives BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN replaces TEXT NOT NULL DEFAULT '';

CREATE INDEX parked_dead ON parked (log, kind, problem, died, id, redrives, state) WHERE state IN ('dead', 'released');
CREATE INDEX parked_dead_key ON parked (key, log, kind, problem, died, id, redrives, state) WHERE state IN ('dead', 'released');
CREATE INDEX parked_redriven ON parked (log, kind, problem, redrives, died, state) WHERE state IN ('dead', 'released') AND redrives > 0;
CREATE INDEX parked_dead_id ON parked (id) WHERE state IN ('dead', 'released');
CREATE INDEX parked_replaces ON parked (replaces) WHERE replaces <> '';
CREATE INDEX parked_due ON parked (subscription, log, due, seq) WHERE state IN ('retry', 'discarded');
CREATE INDEX parked_state ON parked (subscription, log, state);

CREATE INDEX job_dead ON job (queue, kind, problem, died, id, redrives, dead) WHERE dead <> 0;
CREATE INDEX job_dead_key ON job (key, queue, kind, problem, died, id, redrives, dead) WHERE dead <> 0;
CREATE INDEX job_redriven ON job (queue, kind, problem, redrives, died, dead) WHERE dead <> 0 AND redrives > 0;
CREATE INDEX job_replaces ON job (replaces) WHERE replaces <> '';
