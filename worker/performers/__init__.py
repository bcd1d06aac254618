"""Who performs effects: one performer for each other side."""
