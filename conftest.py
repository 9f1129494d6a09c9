"""The suite's plugins, and nothing else."""

pytest_plugins = (
    "pytester",
    "fixtures.options",
    "fixtures.device",
    "fixtures.parameters",
    "fixtures.recorder",
    "fixtures.bench",
    "fixtures.sweep",
    "fixtures.benchmarks",
)
