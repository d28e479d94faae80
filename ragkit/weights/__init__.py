"""Published model weights: where they come from, whether they are intact, how to open them."""
