-- +goose Up
-- Room in each page for what becomes of a payment, so that the update stays in its page
-- and writes no index (a HOT update).
ALTER TABLE payment SET (fillfactor = 45);
