"""Words of others (names, owners, texts of a directory) in the languages of their next readers."""
