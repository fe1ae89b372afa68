"""One warning a session about infos that could not travel."""

import warnings

from gymlink.client.infos import unsupported_types


class InfoWarning:
    """Warns once.

    Args:
        env_id: The environment.
    """

    def __init__(self, env_id):
        self._env_id, self._given = env_id, False

    def look_at(self, columns):
        """Warns if values in some columns could not travel, unless it has."""
        names = set() if self._given else unsupported_types(columns)
        if names:
            self._given = True
            text = f"Infos of {self._env_id} hold values of type {', '.join(sorted(names))}, which cannot travel. "
            warnings.warn(f"{text}An UnsupportedInfo with the name of the type stands in each one's place.", stacklevel=4)
