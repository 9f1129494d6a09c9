"""What a run leaves behind, with types."""
