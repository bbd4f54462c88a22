"""Runs a command, then prints the most memory that it held, as a line of JSON."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

if __name__ == "__main__":
    code = subprocess.run(sys.argv[1:], check=False).returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak}))
    sys.exit(code)
