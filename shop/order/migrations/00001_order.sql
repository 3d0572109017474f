-- +goose Up
-- What customers see of an order: the fold of its events in the journal, written in the
-- commit that appends them, and what the other services said of payment and shipment.
CREATE TABLE orders (
	id               TEXT   NOT NULL PRIMARY KEY,
	user_id          TEXT   NOT NULL,
	status           TEXT   NOT NULL,  -- pending, confirmed, completed, failed, cancelled
	reason           TEXT   NOT NULL,  -- of its end; '' for none
	style            TEXT   NOT NULL,
	currency         TEXT   NOT NULL,
	total            BIGINT NOT NULL,
	method           TEXT   NOT NULL,  -- of payment
	lines            TEXT   NOT NULL,  -- JSON of contract.Line
	payment_status   TEXT   NOT NULL,
	payment_attempts BIGINT NOT NULL,
	shipment_status  TEXT   NOT NULL,
	tracking         TEXT   NOT NULL,
	deadline         BIGINT NOT NULL,
	created          BIGINT NOT NULL,
	updated          BIGINT NOT NULL,
	version          BIGINT NOT NULL,  -- of the last event
	ended            BIGINT,           -- drawn from the journal's sequence when it ended
	CHECK (total > 0 AND (ended IS NULL) = (status IN ('pending', 'confirmed'))) -- one: each costs PostgreSQL as much as the row
);
CREATE INDEX orders_ended ON orders (ended);
CREATE INDEX orders_created ON orders (created, id);
CREATE INDEX orders_user ON orders (user_id, created, id);
