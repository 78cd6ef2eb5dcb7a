"""``python -m infra.azure.prove``: how Microsoft's services actually behave in a test tenant.

The documentation does not describe some behavior, which this app infers. The script creates, reads and
removes objects that nobody needs, with the identity of the app, and answers one question on each line.
"""
