"""Hostile input by the million: what nobody well-meaning sends, and a count of what became of it. See `make fuzz`."""

TICKETS = 9  # that exist when the ticket API is asked for any
