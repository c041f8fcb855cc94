"""The error that riffedu raises for bad input: one line that says what to do."""


class RiffeduError(ValueError):
    """Bad input. ``str(error)`` is one line; the command line prints it and exits with code 2."""


class RiffeduWarning(UserWarning):
    """Something was lost or changed that the user should know. One line, like an error."""
