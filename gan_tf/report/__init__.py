"""Pictures for people: grids of samples, their film, curves of a run."""
