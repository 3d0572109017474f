-- +goose Up
CREATE TABLE stock (
	product_id TEXT   NOT NULL,
	location   TEXT   NOT NULL,             -- 'main'
	tracked    BIGINT NOT NULL,             -- 0: never runs out, on_hand stays 0
	on_hand    BIGINT NOT NULL CHECK (on_hand >= 0),
	reserved   BIGINT NOT NULL CHECK (reserved >= 0 AND reserved <= on_hand),
	PRIMARY KEY (product_id, location)
);

-- What inventory did for an order. One that has ended keeps its row: whatever asks for
-- its stock later finds it.
CREATE TABLE reservation (
	order_id TEXT   NOT NULL PRIMARY KEY,
	status   TEXT   NOT NULL,  -- taken, refused, released, ended
	lines    TEXT   NOT NULL,  -- JSON of contract.Line
	at       BIGINT NOT NULL
);

-- Why on_hand is what it is: the movements of a product at a location sum to it. Their
-- ids are made of order and product, so that none happens twice.
CREATE TABLE movement (
	id         TEXT   NOT NULL PRIMARY KEY,
	product_id TEXT   NOT NULL,
	location   TEXT   NOT NULL,
	order_id   TEXT   NOT NULL,  -- '' for none
	kind       TEXT   NOT NULL,  -- initial, restock, taken, returned
	quantity   BIGINT NOT NULL CHECK (quantity <> 0),
	at         BIGINT NOT NULL
);
