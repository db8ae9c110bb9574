"""From measured programs to a checkpoint: profile, corpus, train, evaluate, calibrate."""
