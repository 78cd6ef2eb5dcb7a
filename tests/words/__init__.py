"""Words of others in every language that the service writes."""
