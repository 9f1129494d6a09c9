"""facecheck's pytest plugin and this repository's own fixtures, and nothing else."""

pytest_plugins = ("facecheck.plugin", "fixtures.evaluation")
