"""The exported generator: its signatures, the SavedModel, and other formats made from it."""
