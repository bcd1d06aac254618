"""Programs that measure and never assert: `python -m bench`."""
