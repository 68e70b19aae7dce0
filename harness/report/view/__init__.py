"""Build what every report shows from a campaign result, in words and formatted numbers."""
