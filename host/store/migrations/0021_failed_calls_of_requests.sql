-- Whoever was answered a failure looks its call up by the id of the request.
CREATE INDEX failed_call_request ON failed_call (request_id);
