"""Words of others (names, owners, texts of a directory), written in the languages of their next readers."""
