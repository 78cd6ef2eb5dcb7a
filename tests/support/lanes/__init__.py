"""A local cloud whose host is watched, killed, or lied to, at any request it makes."""
