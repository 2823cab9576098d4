"""The machine: files that appear whole, archives of arrays, devices, this process.

Knows nothing of images, networks or training. `process` alone changes settings of the whole
process.
"""
