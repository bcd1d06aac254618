"""The outside: clients of other systems, each with a deadline and errors that classify themselves."""
