"""A simulated Microsoft cloud for one machine: login, Graph, Resource Manager, Key Vault, managed identity.

It answers over HTTP what the real services answer, to any client, and stores its state in one folder, so
that it can be killed at any moment and restarted. ``python -m infra.local.cloud --help`` starts it;
with ``control.py`` a test or a person controls it (faults, lag, settings). It is a development tool and
contains no real data.
"""

from __future__ import annotations
