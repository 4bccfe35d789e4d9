-- Fewer indexes to write for each delivery: what is delivered, which is nearly all, leaves the index by
-- state for good, and what an event waits for is found by the oldest delivery that waits.
DROP INDEX delivery_held;
DROP INDEX delivery_state;
DROP INDEX delivery_endpoint;
CREATE INDEX delivery_open ON delivery (state, id) WHERE state <> 'delivered';
CREATE INDEX delivery_endpoint ON delivery (endpoint_id, id);
