"""How a wrong configuration is told."""


class ConfigurationError(Exception):
    """The configuration is wrong. The message has a line for each fault."""
