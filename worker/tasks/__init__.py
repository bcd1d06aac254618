"""Celery tasks: thin shims that claim, decide and commit."""
