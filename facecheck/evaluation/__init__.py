"""What an eval measures."""
