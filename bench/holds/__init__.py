"""Hold the certified users of a stored campaign again, for minutes, to see whether they are sustained."""
