"""The errors of the first interface that ipyparallel has no name for.

What was raised on an engine is a `RemoteError` or a `CompositeError`, as in
ipyparallel.
"""


class KernelError(Exception):
    """The base of these errors."""


class InvalidEngineID(KernelError, IndexError):
    """There is no engine with that id."""


class InvalidDeferredID(KernelError):
    """A result that was waited for with others, by `barrier`, is asked for again."""


class QueueCleared(KernelError):
    """A command was taken off the queue before it ran."""


class NotDefined(KernelError, NameError):
    """A name isn't bound on the engines."""
