-- +goose Up
-- Times are microseconds since 1970. A message to a person, once for each (order, template);
-- the welcome, which is about no order, once for each user. Nobody's name or address is
-- here until a mail has left.
CREATE TABLE notification (
	subject   TEXT   NOT NULL,             -- the order; of a welcome, the user
	template  TEXT   NOT NULL,
	user_id   TEXT   NOT NULL,             -- of created and welcome; the others go to whom created went
	facts     TEXT   NOT NULL,             -- JSON: what the event said and the text needs
	status    TEXT   NOT NULL CHECK (status IN ('stored', 'waiting', 'queued', 'held', 'sent', 'failed')),
	recipient TEXT   NOT NULL DEFAULT '',  -- the address it was sent to
	reason    TEXT   NOT NULL DEFAULT '',  -- why it failed
	at        BIGINT NOT NULL,             -- when the event was said
	settled   BIGINT,                      -- when it was sent, or failed
	PRIMARY KEY (subject, template)
);
CREATE INDEX notification_user ON notification (user_id) WHERE user_id <> '';
CREATE INDEX notification_unsent ON notification (at) WHERE status IN ('waiting', 'queued');
