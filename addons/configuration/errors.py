"""The error for a wrong configuration."""


class ConfigurationError(Exception):
    """The configuration is wrong. The message has a line for each fault, with where it stands and what to write."""
