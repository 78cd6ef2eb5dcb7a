"""The versions of the storage protocol that the app uses.

Both clouds have had them for years. Without them, a client requests the newest version that its SDK knows.
Source: https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "2021-12-02"
"""Of queues and blobs."""

TABLES_VERSION: Final = "2019-02-02"
"""Of tables."""
