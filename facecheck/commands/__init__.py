"""What the command line does with finished runs: baselines, comparison, history."""
