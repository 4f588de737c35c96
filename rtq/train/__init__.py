"""Training: steps as pure functions, how devices share them, and the loops around them."""
