"""How good a generator is, and what the discriminator thinks: every figure, and who judges it.

`fidelity`, `theory` and `parzen` are closed forms in NumPy; `judging` applies them to a dataset.
"""
