"""A local cloud whose host a test can watch, kill or mislead at any of its requests."""
