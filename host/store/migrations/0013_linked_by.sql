-- Who linked an account: only that plugin unlinks what is confirmed. Written with the link; empty for a
-- driver's, and for those that were linked before this was kept.
ALTER TABLE linked_account ADD COLUMN linked_by TEXT NOT NULL DEFAULT '';
