"""Hypothesis profiles: HYPOTHESIS_PROFILE chooses one; ``ci`` is the default where the environment says CI."""

import os

from hypothesis import settings

# Said each time: where it sees CI, Hypothesis makes every profile derandomised that does not say otherwise.
settings.register_profile("dev", max_examples=50, deadline=None, derandomize=False)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=5000, deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
