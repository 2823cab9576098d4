"""The parts of scripts/scaling."""
