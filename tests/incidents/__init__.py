"""Incidents, as an operator meets them."""
