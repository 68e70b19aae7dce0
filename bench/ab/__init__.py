"""Find out how often a comparison of two versions finds a difference, and how often it claims one in vain."""
