-- +goose Up
-- Room in each page for the end of an order, so that the update stays in its page and
-- writes no index (a HOT update).
ALTER TABLE sale SET (fillfactor = 45);
