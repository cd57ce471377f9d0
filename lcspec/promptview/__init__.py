"""`lcspec show prompt`: what a model is given for a row, token by token, from the one renderer of the runtime."""
