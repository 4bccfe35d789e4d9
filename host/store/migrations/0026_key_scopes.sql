-- What an API key may do, until when, and when it was last used. A key from before may do everything.
ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT 'admin'; -- names with spaces between them
ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
-- The secret before the last rotation (SHA-256), and until when it still counts.
ALTER TABLE api_key ADD COLUMN replaced_hash BLOB;
ALTER TABLE api_key ADD COLUMN replaced_until INTEGER;
-- Written by the host from time to time, not by each request.
ALTER TABLE api_key ADD COLUMN last_used_at INTEGER;
