"""Hookdesk's worker: everything behind the door (domain, store, tasks, clients, command line)."""

__version__ = "0.1.0"
