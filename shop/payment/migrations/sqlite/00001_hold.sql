-- +goose Up
-- Money can be held before it is captured. SQLite changes no CHECK: the tables are made anew.
CREATE TABLE payment_new (
	order_id  TEXT   NOT NULL PRIMARY KEY,
	status    TEXT   NOT NULL,
	closed    BIGINT NOT NULL,
	amount    BIGINT NOT NULL,
	currency  TEXT   NOT NULL,
	method    TEXT   NOT NULL,
	style     TEXT   NOT NULL,
	lines     TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	reference TEXT   NOT NULL,
	reason    TEXT   NOT NULL,
	attempts  BIGINT NOT NULL,
	calls     BIGINT NOT NULL,
	created   BIGINT NOT NULL,
	updated   BIGINT NOT NULL,
	captures  BIGINT NOT NULL DEFAULT 0,
	CHECK (status = 'ended' OR (status IN ('wanted', 'authorizing', 'authorized', 'capturing', 'voiding', 'voided',
		'captured', 'failed', 'refunding', 'refunded') AND amount > 0 AND key <> ''))
);
INSERT INTO payment_new SELECT order_id, status, closed, amount, currency, method, style, lines, key,
	reference, reason, attempts, calls, created, updated, captures FROM payment;
DROP TABLE payment;
ALTER TABLE payment_new RENAME TO payment;

CREATE TABLE discrepancy_new (
	order_id TEXT   NOT NULL,
	entry    TEXT   NOT NULL CHECK (entry IN ('capture', 'refund', 'hold')),
	key      TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	ours     TEXT   NOT NULL,
	theirs   TEXT   NOT NULL,
	amount   BIGINT NOT NULL,
	currency TEXT   NOT NULL,
	seen     BIGINT NOT NULL,
	found    BIGINT NOT NULL,
	resolved BIGINT NOT NULL,
	PRIMARY KEY (order_id, entry, key)
);
INSERT INTO discrepancy_new SELECT order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved FROM discrepancy;
DROP TABLE discrepancy;
ALTER TABLE discrepancy_new RENAME TO discrepancy;
CREATE INDEX discrepancy_open ON discrepancy (order_id) WHERE resolved = 0;
