"""The parts below the API, put together from the settings."""
