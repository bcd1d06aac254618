"""Hookdesk under a nemesis: a support desk at work, parts killed under it, and books that must balance at rest."""
