"""Incidents, as an operator sees them."""
