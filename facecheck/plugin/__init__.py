"""The pytest plugin: options, cases for every model and data set, and one record of what they measure.

A repository uses it by naming it in its top-level ``conftest.py``; it is no entry point, so that a run that does not
use it pays nothing. A case is an eval by its marker: ``pytest.mark.eval`` or ``pytest.mark.sweep``. Nothing heavy is
imported, and nothing is written, until an eval is collected.
"""

from __future__ import annotations

pytest_plugins = (
    "facecheck.plugin.options",
    "facecheck.plugin.planning",
    "facecheck.plugin.parameters",
    "facecheck.plugin.shards",
    "facecheck.plugin.workload",
    "facecheck.plugin.recorder",
    "facecheck.plugin.timings",
)
