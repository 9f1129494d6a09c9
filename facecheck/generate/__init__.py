"""Faces made by programs: synthetic people at exactly known pose, and strips from EG3D."""
