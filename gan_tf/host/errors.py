"""The ends of a command that are not faults of the program: one line, one status.

| status | meaning |
|---|---|
| 0 | done |
| 1 | the run itself failed (a non-finite loss, a full disk, its directory is gone) |
| 2 | the input was wrong: nothing was lost or overwritten |
| 75 | interrupted and saved: the same command goes on (`EX_TEMPFAIL` of sysexits.h) |
| 129, 130, 143 | interrupted before there was anything to save, by SIGHUP, SIGINT, SIGTERM |
"""


class InputError(ValueError):
    """A flag, file or directory that cannot be used; the message says what would do."""

    status = 2


class TrainingFailedError(RuntimeError):
    """Training cannot go on; the message says why, and what is left of it."""

    status = 1


class InterruptedRunError(RuntimeError):
    """A signal ended the run after its state was saved; the message says how to go on."""

    status = 75


class InterruptedStartError(KeyboardInterrupt):
    """A signal ended the command before there was anything to save."""

    def __init__(self, number: int) -> None:
        """Takes the signal's number."""
        super().__init__("interrupted")
        self.status = 128 + number
