"""Labels of requests and a request to the API that several durability tests need."""

from __future__ import annotations

import re
from typing import Any, Final

ADD_PASSWORD: Final = "graph POST applications/server/addPassword"
DISCOVERY: Final[dict[str, Any]] = {"userDiscovery": {"enabled": True}}
PROVIDER: Final = re.compile(r"provider-\w+|Microsoft\.\w+")
