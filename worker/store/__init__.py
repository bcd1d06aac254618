"""SQL: the inbox, tickets, timers and effects, on SQLite and PostgreSQL."""
