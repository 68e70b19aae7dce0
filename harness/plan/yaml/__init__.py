"""Read YAML documents so that every mistake can be shown at its place."""
