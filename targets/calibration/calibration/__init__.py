"""A service whose capacity is known on paper: by its slots, its CPU seconds or its bytes per user."""
