"""``python -m infra.azure.prove``: what Microsoft's services really do in a test tenant.

Documentation leaves some behavior open, which this app infers. The script makes, reads and removes objects
that nobody needs, with the identity that the app has, and answers one question in each line.
"""
