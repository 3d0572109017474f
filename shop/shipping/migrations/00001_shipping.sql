-- +goose Up
-- What shipping does for an order. One that has ended keeps its row: whatever asks for a
-- parcel later finds it.
CREATE TABLE shipment (
	order_id TEXT   NOT NULL PRIMARY KEY,
	status   TEXT   NOT NULL,  -- wanted, shipped, recalled, ended
	carrier  TEXT   NOT NULL,  -- '' until there is a label
	tracking TEXT   NOT NULL,
	lines    TEXT   NOT NULL,  -- JSON of contract.Line
	pickup   BIGINT,           -- when the carrier comes for it
	shipped  BIGINT,
	stopped  BIGINT,           -- recalled or ended
	created  BIGINT NOT NULL,
	updated  BIGINT NOT NULL
);
