"""The one error a learner should ever see: a single clear line that says what to do."""


class RiffeduError(ValueError):
    """Bad input. ``str(error)`` is one line; the shell prints it and exits with code 2."""
