"""Judge one step: from its facts to a verdict."""
