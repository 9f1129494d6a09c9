"""``python -m facecheck``: the command line."""

from __future__ import annotations

import sys

from facecheck.cli import main

sys.exit(main())
