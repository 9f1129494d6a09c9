"""What a finished run shows: graphs, tables, the short text on the terminal."""
