"""Keras's layers with the same weights and numbers, in the forms that are fast on a CPU."""
