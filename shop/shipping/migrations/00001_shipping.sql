-- +goose Up
-- What shipping does for an order. One that has ended keeps its row: whatever asks for a
-- parcel later finds it.
CREATE TABLE shipment (
	order_id TEXT   NOT NULL PRIMARY KEY,
	status   TEXT   NOT NULL,  -- wanted, shipped, delivered, recalled, returned, ended
	carrier  TEXT   NOT NULL,  -- '' until there is a label
	tracking TEXT   NOT NULL,
	lines    TEXT   NOT NULL,  -- JSON of contract.Line
	pickup   BIGINT,           -- when the carrier comes for it
	moves    BIGINT,           -- when the carrier is asked where it is; NULL: it is at rest
	picked_up        BIGINT,   -- when it came to each step of its way
	in_transit       BIGINT,
	out_for_delivery BIGINT,
	delivered        BIGINT,
	returned         BIGINT,
	shipped  BIGINT,
	stopped  BIGINT,           -- recalled or ended
	created  BIGINT NOT NULL,
	updated  BIGINT NOT NULL
);
CREATE INDEX shipment_moves ON shipment (moves) WHERE moves IS NOT NULL;
