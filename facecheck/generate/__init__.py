"""Generated faces: synthetic people at exactly known pose, and strips from EG3D."""
