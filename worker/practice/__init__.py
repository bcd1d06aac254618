"""A practice Chatwoot: REST API and webhook sender with its real habits, for demo, tests and drills."""
