-- +goose Up
-- Room in each page for the versions of an order, so that an update that changes no index
-- stays in its page and writes none (a HOT update).
ALTER TABLE orders SET (fillfactor = 40);
