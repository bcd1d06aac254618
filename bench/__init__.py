"""Programs that measure and never assert."""
