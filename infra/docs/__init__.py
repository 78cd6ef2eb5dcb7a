"""Generates the API's description and the tables of the documentation from the code."""
