"""The door: accepts webhooks, makes them durable, wakes the worker. It knows no domain."""
