"""A small host for the triggers of an Azure Functions app, for development on one machine.

It does what the Functions host does for HTTP, queue and timer triggers, based on the app's own functions and
``host.json``. It has no keys, no scale controller and no output bindings; the app it runs is the one that
is deployed, unchanged.
"""
