"""What is kept on disk: finished work, weights, and the versions that both depend on."""
