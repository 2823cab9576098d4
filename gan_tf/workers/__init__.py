"""Several processes that train one run: places, start, connections, sums over all of them.

A worker is one process with one device. `place` says who is who, `launch` starts the workers of
one machine, `team` is what they say to one another outside the compiled steps, `replica` is what
a compiled step needs of the others.
"""
