"""Accepts a compose file from standard input as the Compose specification does, and prints the names of its services."""

import sys

from compose_spec import PyCompose

compose = PyCompose.from_yaml(sys.stdin.read())
compose.validate()
for name in sorted(compose.services):
    print(name)
