"""Turn compose files into targets."""
