"""What each sender says: raw bytes become facts. One file per source."""
