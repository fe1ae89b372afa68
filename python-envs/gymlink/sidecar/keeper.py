"""Saves and restores the sub-environments of a worker, in the tier of their environment or as a fork."""

from gymlink.protocol import schema
from gymlink.sidecar.copies import NotCopied
from gymlink.sidecar.errors import RequestError
from gymlink.sidecar.making import close, make
from gymlink.sidecar.saved_states import SavedState, arguments_of, export, import_state
from gymlink.sidecar.snapshots import Copy, CopyEnded, Snapshot, Snapshots
from gymlink.sidecar.tiers import tier_of


class Keeper:
    """Saves and restores sub-environments.

    Args:
        envs: The SubEnvironments.
        request: The OpenRequest.
        first: Number of the first one in the session.
        count: How many there are.
        manifest: The family's manifest.
        folder: The server's private folder, for the sockets of snapshots.
    """

    def __init__(self, envs, request, first, count, manifest, folder):
        self._envs, self._request, self._first, self._manifest = envs, request, first, manifest
        self._id = request.get("env_id", "")
        self._tier = tier_of(manifest, self._id)
        self._snapshots = Snapshots(folder)
        self._arguments = [arguments_of(request, first + i) for i in range(count)]

    def prepare(self, env):
        """An environment with what its tier needs around it."""
        return self._tier.prepare(env)

    def _made(self, i):
        return self.prepare(make(self._request, self._first + i, 1, self._manifest)[0])

    def save(self, selection, forks_left):
        """The SavedStates of the selection's own sub-environments.

        Args:
            selection: The Selection.
            forks_left: How many states of the session processes may keep yet.

        Raises:
            RequestError: A sub-environment needs a reset, its state cannot be saved, its process has ended, or too many processes
                would be needed.
        """
        states = []
        try:
            for i, position in zip(selection.own, self._envs.positions(selection)):
                content = self._content(i, len(selection.asked), forks_left)
                states.append(SavedState(content, position, self._arguments[i]))
        except BaseException as error:
            for state in states:
                state.drop()
            if not isinstance(error, NotCopied):
                raise
            message = f"The state of {self._id} cannot be saved: {error}."
            raise RequestError(schema.ERROR_REASON_UNIMPLEMENTED, message) from error
        return states

    def _content(self, i, asked, forks_left):
        env, why = self._envs[i], ""
        if not self._tier.forks and not isinstance(env, Copy):
            try:
                return self._tier.save(env)
            except NotCopied as error:
                why = f"{error}, and "
        if asked > forks_left:
            message = (
                f"Each of these states of {self._id} is kept by a process of its own. The session may have {forks_left} more of "
                "them (maxForkedStatesPerSession): drop some first, or save fewer at a time."
            )
            raise RequestError(schema.ERROR_REASON_LIMIT_EXCEEDED, message)
        try:
            return self._snapshots.take(env, self._tier)
        except NotCopied as error:
            raise NotCopied(f"{why}{error}") from error
        except CopyEnded as error:
            raise self._envs.failed(i, "the saving of its state", error) from error

    def restore(self, selection, states):
        """Puts SavedStates into the selection's own sub-environments.

        Returns:
            The Rows.

        Raises:
            RequestError: A state is of other arguments, gave another state when it was played again, or its process has ended.
        """
        for i, state in zip(selection.own, states):
            if state.arguments != self._arguments[i]:
                message = (
                    f"The state is of other arguments than sub-environment {self._first + i} of {self._id}. Nothing was changed."
                )
                raise RequestError(schema.ERROR_REASON_STATE_MISMATCH, message, env_indices=[self._first + i])
        return self._envs.go_on(selection, [state.position for state in states], lambda i, row: self._put(i, states[row].content))

    def _put(self, i, content):
        if isinstance(content, Snapshot):
            self._envs.replace(i, content.copy(self._envs.observation_space))
            return
        if self._tier.forks or isinstance(self._envs[i], Copy):
            self._envs.replace(i, self._made(i))
        self._tier.restore(self._envs[i], content)

    def export(self, states, within_session=False):
        """SavedStates as serialized PortableStates; see `saved_states.export`."""
        return [export(state, self._id, within_session) for state in states]

    def import_states(self, portable, within_session=False):
        """SavedStates from serialized PortableStates.

        Raises:
            RequestError: One does not fit.
        """
        places = {arguments: i for i, arguments in enumerate(self._arguments)}
        space = self._envs.observation_space
        return [import_state(data, self._id, places, self._check, space, within_session) for data in portable]

    def _check(self, i, content):
        env = self._envs[i]
        made = [self._made(i)] if isinstance(env, Copy) else []
        try:
            self._tier.check(made[0] if made else env, content)
        finally:
            close(made)
