"""Choose the next step of a cell, from everything known so far."""
