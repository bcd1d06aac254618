"""How each sender arrives: authenticate, key, answers. One file each and one line in SOURCES."""
