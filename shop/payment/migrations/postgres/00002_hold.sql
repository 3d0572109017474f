-- +goose Up
-- Money can be held before it is captured.
ALTER TABLE payment DROP CONSTRAINT payment_check;
ALTER TABLE payment ADD CONSTRAINT payment_check CHECK (status = 'ended' OR (status IN ('wanted', 'authorizing', 'authorized', 'capturing', 'voiding', 'voided',
	'captured', 'failed', 'refunding', 'refunded') AND amount > 0 AND key <> ''));
ALTER TABLE discrepancy DROP CONSTRAINT discrepancy_entry_check;
ALTER TABLE discrepancy ADD CONSTRAINT discrepancy_entry_check CHECK (entry IN ('capture', 'refund', 'hold'));
