"""A measured size as a file of the system that runs it, in which each figure says where it comes from."""
