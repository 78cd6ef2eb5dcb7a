"""A simulated Microsoft cloud for one machine: login, Graph, Resource Manager, Key Vault, managed identity.

It answers over HTTP what the real services answer, to any client, and keeps its state in one folder, so
that it can be killed at any moment and started again. ``python -m infra.local.cloud --help`` starts it;
``control.py`` is how a test or a person bends it (faults, lag, settings). It is a development tool and
holds no real data.
"""

from __future__ import annotations
