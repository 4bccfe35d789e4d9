-- Requests of platforms that wait for their receivers.
SELECT 1;
