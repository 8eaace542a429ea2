"""Errors that a person can act on. Bad data is not an error but a value: see gridflex.domain.readings.Rejection."""

from __future__ import annotations


class GridflexError(Exception):
    """Root of all errors; its message says what was found, where, and what is allowed. Exit code 1."""


class ConfigError(GridflexError):
    """Configuration that cannot be used; the message lists every problem at once."""


class UsageError(GridflexError):
    """A command given wrong arguments. Exit code 2."""


class SourceError(GridflexError):
    """A data set that is not laid out as its kind demands."""


class SchemaError(GridflexError):
    """A schema that is missing or does not fit the code."""


class ReplayFencedError(GridflexError):
    """Another replay with the same id is running or took over."""


class ServiceError(GridflexError):
    """A server that could not be started or reached; the message carries its last words."""


class DataQualityError(GridflexError):
    """Data that a batch job must not build on; the message says what was found, where, and what is needed."""


class TransitionError(GridflexError):
    """A change of an event that its state, its content, the actor or the clock does not allow."""


class ActorError(TransitionError):
    """A change of an event that this actor may not make: by role, by region, or because another person must."""


class LedgerError(GridflexError):
    """A ledger record that does not have the form of one; see ``verify`` for records that were tampered with."""


class SolverError(GridflexError):
    """A linear program that has no solution, or whose solver stopped without one."""


class LimitError(GridflexError):
    """An event that its program does not allow; the message names the limits."""


class DispatchError(GridflexError):
    """A plan that must not become commands; the message names what is wrong with it."""


class LedgerFencedError(GridflexError):
    """Another writer of the ledger took over; nothing of this one arrives from now on."""


class ForeignEventError(GridflexError):
    """A VTN's event or report that cannot become one of ours; the message says what was found and what is allowed."""
