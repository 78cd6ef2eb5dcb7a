"""Names from outside, in every language that the service writes."""
