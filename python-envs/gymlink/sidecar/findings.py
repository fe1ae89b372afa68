"""What an examination finds of one environment: problems, warnings and numbers."""

import traceback

from gymlink.protocol import schema
from gymlink.protocol.layout import InvalidRow
from gymlink.sidecar.errors import RequestError, named


class Wrong(Exception):
    """Raised where a problem was found that keeps the rest from being looked at."""


class Findings:
    """What was found so far.

    Args:
        tell: Called with what comes next, such as "reset": what a hang or a crash is blamed on.

    Attributes:
        problems: What is wrong, a sentence each with its remedy.
        warnings: What may be meant to be so.
        measured: Numbers by name: construction_ms, reset_ms, steps_per_s, memory_mb (not everywhere).
        is_unavailable: Whether the environment says itself that it cannot be made here.
    """

    def __init__(self, tell):
        self.problems, self.warnings, self.measured = [], [], {}
        self.is_unavailable = False
        self._tell, self._stage = tell, ""

    def enter(self, stage):
        """What comes next."""
        self._stage = stage
        self._tell(stage)

    def report(self):
        """All of it, as plain data."""
        return {
            **self.measured,
            "unavailable": self.is_unavailable,
            "problems": list(dict.fromkeys(self.problems)),
            "warnings": list(dict.fromkeys(self.warnings)),
        }

    def wrong(self, problem):
        """Takes a problem; returns the Wrong to raise, so that nothing else is looked at."""
        self.problems.append(problem)
        return Wrong(problem)

    def take(self, error):
        """Takes what ended the examination: what the environment raised, or a RequestError."""
        if isinstance(error, RequestError):
            self._refused(error)
        else:
            self._raised(error)

    def take_outside(self, text, manifest):
        """Takes what lies outside its space as the manifest judges that: `text` is "Its observation['x'] is …"."""
        wanted = manifest.get("out_of_space", "pass")
        if wanted == "warn":
            self.warnings.append(f"{text}.")
        elif wanted == "refuse":
            self.problems.append(f'{text}, and "out_of_space" refuses that: fix the space.')
        else:
            self.problems.append(f'{text}: fix the space, or declare "out_of_space": "warn" if that is meant.')

    def _refused(self, error):
        if error.reason == schema.ERROR_REASON_ENVIRONMENT_UNAVAILABLE:
            self.is_unavailable = True
            remedy = 'add what is missing to requirements.in and run "gymlink family lock", or leave it out of "ids"'
            self.warnings.append(f"{str(error).rstrip('.')}: {remedy}.")
        elif error.cause is not None:
            self._raised(error.cause)
        elif isinstance(error.__cause__, InvalidRow):
            self.problems.append(
                f"It gave something that its spaces do not allow: {error.__cause__}: correct that, or the space."
            )
        else:
            self.problems.append(str(error))

    def _raised(self, error):
        place = traceback.extract_tb(error.__traceback__)[-1]
        self.problems.append(
            f"Its {self._stage} raised {named(error).rstrip('.')}, at line {place.lineno} of {place.filename} ({place.name})."
        )
