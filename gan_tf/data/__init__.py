"""Real images: where they come from, how they are kept, and which of them a step sees.

`dataset.open_dataset` turns a name into a `Dataset`; `feed` cuts it into batches; `pixels` alone
knows that the networks see [-1, 1]. `images` brings in people's own pictures.
"""
