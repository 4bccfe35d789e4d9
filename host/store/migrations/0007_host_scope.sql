-- Where the instances of plugins of host scope are kept: community 0, whose slug no community can have.
INSERT INTO community (id, slug, readable_name, created_at, written_by) VALUES (0, '', '', 0, 'migration');
