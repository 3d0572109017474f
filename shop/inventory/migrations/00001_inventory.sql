-- +goose Up
CREATE TABLE stock (
	product_id TEXT   NOT NULL,
	location   TEXT   NOT NULL,             -- 'main'
	tracked    BIGINT NOT NULL,             -- 0: never runs out, on_hand and reserved stay 0
	on_hand    BIGINT NOT NULL CHECK (on_hand >= 0),
	reserved   BIGINT NOT NULL CHECK (reserved >= 0 AND reserved <= on_hand),
	moves      BIGINT NOT NULL,             -- how many movements there are
	price      BIGINT NOT NULL,             -- of one, as the catalogue has it now
	currency   TEXT   NOT NULL,
	PRIMARY KEY (product_id, location)
);

-- What inventory did for an order. One that has ended keeps its row: whatever asks for
-- its stock later finds it.
CREATE TABLE reservation (
	order_id TEXT   NOT NULL PRIMARY KEY,  -- the owner
	status   TEXT   NOT NULL,  -- reserved, shipped, refused, released, ended
	lines    TEXT   NOT NULL,  -- JSON of contract.Line
	expires  BIGINT,           -- when its owner is asked whether it still wants it; NULL: it never held anything
	at       BIGINT NOT NULL
);
CREATE INDEX reservation_expires ON reservation (expires) WHERE status = 'reserved';

-- Why on_hand is what it is: the movements of a product at a location sum to it, and are
-- numbered from 1 without a gap.
CREATE TABLE movement (
	product_id TEXT   NOT NULL,
	location   TEXT   NOT NULL,
	n          BIGINT NOT NULL,
	order_id   TEXT   NOT NULL,  -- '' for none
	kind       TEXT   NOT NULL,  -- initial, restock, adjustment, shipped
	quantity   BIGINT NOT NULL CHECK (quantity <> 0),
	balance    BIGINT NOT NULL,  -- on_hand after it
	reason     TEXT   NOT NULL,  -- of an adjustment, else ''
	at         BIGINT NOT NULL,
	PRIMARY KEY (product_id, location, n)
);
