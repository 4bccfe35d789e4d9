-- The purge counts the failed calls of each plugin, and removes the oldest of those with the most.
CREATE INDEX failed_call_plugin ON failed_call (plugin);
