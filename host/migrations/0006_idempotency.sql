-- Responses that are given again for the same `Idempotency-Key`.
SELECT 1;
