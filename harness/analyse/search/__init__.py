"""Choose the next step of a cell from everything that is known so far."""
