"""Pictures for people: grids of samples, their film, curves of a run, the page of one or several.

What a page shows is handed to it as plain values (`account`), by `training/reporting.py`.
"""
