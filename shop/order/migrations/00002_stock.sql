-- +goose Up
-- What inventory said of the stock of an order: pending, reserved, refused, released; ended:
-- not reserved when the order ended, and no word since. Where payment and stock are asked for
-- at once, an order goes on when it has both.
ALTER TABLE orders ADD COLUMN stock_status TEXT NOT NULL DEFAULT 'pending';
-- Why it is being undone, before it fails.
ALTER TABLE orders ADD COLUMN why TEXT NOT NULL DEFAULT '';
