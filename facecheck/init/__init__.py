"""What ``facecheck init`` writes into a team's repository: the evals and fixtures of this one, theirs to edit."""
