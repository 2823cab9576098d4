"""A run from its first step to its export: begun, resumed, recorded, judged, given up.

`run.train` is the way in. `resume` states all that a run remembers, `schedule` what is due at a
step, `run_directory` what lies where.
"""
