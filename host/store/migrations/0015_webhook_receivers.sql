-- What waits is found receiver by receiver, so that one with many items is looked at once.
CREATE INDEX webhook_item_receiver ON webhook_item (instance_id, process_id, due_at, id) WHERE state = 'waiting';
