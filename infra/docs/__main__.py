"""``python -m infra.docs`` writes the generated files; with ``--check`` it only reports outdated ones."""

from __future__ import annotations

import sys

from infra.docs import generate


def main(arguments: list[str]) -> int:
    """Writes or checks the files. Returns the exit status."""
    found = list(generate.outdated())
    if "--check" in arguments:
        for path, _ in found:
            print(
                f"make: {path.relative_to(generate.ROOT)} is out of date: run 'make openapi'", file=sys.stderr
            )
        return int(bool(found))
    for path, text in found:
        path.write_text(text, encoding="utf-8")
        print(f"Wrote {path.relative_to(generate.ROOT)}")
    return 0


sys.exit(main(sys.argv[1:]))
