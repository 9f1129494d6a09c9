"""Runs over time: an index over run folders, trends and change points. The run folder is the truth."""
