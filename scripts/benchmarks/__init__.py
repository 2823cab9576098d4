"""What `scripts/benchmark` measures, a file a subject, and the plain loops it measures against."""
