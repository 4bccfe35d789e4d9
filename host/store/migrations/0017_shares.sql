-- What each plugin, instance and community has of the store, so that none takes what all need.

-- What a plugin had stored of events, processes, accounts and webhooks on its last day. Counted in memory; written
-- every few seconds and at the end.
CREATE TABLE plugin_day (
    plugin TEXT PRIMARY KEY,
    day    INTEGER NOT NULL, -- since the Unix epoch, UTC
    bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What waits for an instance's receivers or is a dead letter of theirs. Kept by the triggers below: a request
-- counts once for each instance that it waits for, and each item for the bytes of its row.
CREATE TABLE webhook_load (
    instance_id INTEGER PRIMARY KEY,
    items       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL
) STRICT;

DROP INDEX webhook_item_webhook;
CREATE INDEX webhook_item_webhook ON webhook_item (webhook_id, instance_id);

CREATE TRIGGER webhook_item_added AFTER INSERT ON webhook_item BEGIN
    INSERT INTO webhook_load (instance_id, items, bytes)
    SELECT new.instance_id, 1, 100 + iif(
        (SELECT count(*) FROM (SELECT 1 FROM webhook_item WHERE webhook_id = new.webhook_id
                               AND instance_id = new.instance_id LIMIT 2)) > 1,
        0,
        octet_length(method) + octet_length(path) + octet_length(query) + octet_length(headers) + octet_length(body)
    ) FROM webhook_request WHERE id = new.webhook_id
    ON CONFLICT (instance_id) DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER webhook_item_removed AFTER DELETE ON webhook_item BEGIN
    UPDATE webhook_load SET items = items - 1, bytes = bytes - 100 - iif(
        EXISTS (SELECT 1 FROM webhook_item WHERE webhook_id = old.webhook_id AND instance_id = old.instance_id),
        0,
        coalesce((SELECT octet_length(method) + octet_length(path) + octet_length(query) + octet_length(headers)
                  + octet_length(body) FROM webhook_request WHERE id = old.webhook_id), 0)
    ) WHERE instance_id = old.instance_id;
    DELETE FROM webhook_load WHERE instance_id = old.instance_id AND items <= 0;
END;

INSERT INTO webhook_load (instance_id, items, bytes)
SELECT instance_id, sum(items), sum(100 * items + request) FROM (
    SELECT instance_id, count(*) AS items,
           max(octet_length(method) + octet_length(path) + octet_length(query) + octet_length(headers)
               + octet_length(body)) AS request
    FROM webhook_item JOIN webhook_request ON webhook_request.id = webhook_id GROUP BY instance_id, webhook_id
) GROUP BY instance_id;

-- How many people and accounts a community has, and the bytes of those accounts. Kept by the triggers below.
CREATE TABLE community_load (
    community_id INTEGER PRIMARY KEY,
    people       INTEGER NOT NULL,
    accounts     INTEGER NOT NULL,
    bytes        INTEGER NOT NULL
) STRICT;

CREATE TRIGGER person_added AFTER INSERT ON person BEGIN
    INSERT INTO community_load (community_id, people, accounts, bytes) VALUES (new.community_id, 1, 0, 0)
    ON CONFLICT (community_id) DO UPDATE SET people = people + 1;
END;

CREATE TRIGGER person_removed AFTER DELETE ON person BEGIN
    UPDATE community_load SET people = people - 1 WHERE community_id = old.community_id;
    DELETE FROM community_load WHERE community_id = old.community_id AND people <= 0 AND accounts <= 0;
END;

CREATE TRIGGER linked_account_added AFTER INSERT ON linked_account BEGIN
    INSERT INTO community_load (community_id, people, accounts, bytes)
    VALUES (new.community_id, 0, 1, octet_length(new.platform_identifier) + coalesce(octet_length(new.custom_data), 0))
    ON CONFLICT (community_id) DO UPDATE SET accounts = accounts + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER linked_account_changed AFTER UPDATE OF custom_data ON linked_account BEGIN
    UPDATE community_load
    SET bytes = bytes + coalesce(octet_length(new.custom_data), 0) - coalesce(octet_length(old.custom_data), 0)
    WHERE community_id = new.community_id;
END;

CREATE TRIGGER linked_account_removed AFTER DELETE ON linked_account BEGIN
    UPDATE community_load SET accounts = accounts - 1, bytes = bytes - octet_length(old.platform_identifier)
        - coalesce(octet_length(old.custom_data), 0) WHERE community_id = old.community_id;
    DELETE FROM community_load WHERE community_id = old.community_id AND people <= 0 AND accounts <= 0;
END;

INSERT INTO community_load (community_id, people, accounts, bytes)
SELECT community_id, sum(people), sum(accounts), sum(bytes) FROM (
    SELECT community_id, 1 AS people, 0 AS accounts, 0 AS bytes FROM person
    UNION ALL
    SELECT community_id, 0, 1, octet_length(platform_identifier) + coalesce(octet_length(custom_data), 0)
    FROM linked_account
) GROUP BY community_id;
