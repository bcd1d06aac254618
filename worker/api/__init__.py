"""The ticket API: JSON on a private port of its own, for other systems of the same company."""
