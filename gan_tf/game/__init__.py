"""The game of two players: Algorithm 1 and its variants, losses, penalties, optimisers,
latents, augmentations.

Begin with `algorithm_1`. `rules` says what a run may choose, `players` what a step changes.
"""
