"""The pure part: given a ticket, facts and the time, what should be. No I/O, no clock, no chance."""
