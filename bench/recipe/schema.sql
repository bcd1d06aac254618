CREATE TABLE IF NOT EXISTS tickets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id text NOT NULL UNIQUE,
    status text NOT NULL,
    priority text,
    subject text NOT NULL DEFAULT '',
    requester text,
    assignee text,
    last_message text,
    source_updated_at double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
