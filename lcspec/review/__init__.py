"""Two states of a spec held against each other: what changed, what that reruns, and what got riskier. Pure."""
