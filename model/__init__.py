"""Torch lives here: the number grammar, the network, its exact decoding and checkpoints."""
