"""Ids for `gymnasium.make` and `gymnasium.make_vec`."""

import gymnasium

NAMESPACE = "gymlink"
_ENTRY_POINTS = {
    "entry_point": "gymlink.client:RemoteEnv",
    "vector_entry_point": "gymlink.client:RemoteVectorEnv",
    # The server checks, orders and limits.
    "disable_env_checker": True,
    "order_enforce": False,
}


def register():
    """Registers ``gymlink/ID`` for every environment that the Gymnasium installed here has of its own, and ``gymlink/Remote-v0``.

    No server is asked: one that lacks an environment says so when it is made. The ids are those of the entries whose code is in
    Gymnasium itself. Their step limit is left to the server, so that no TimeLimit counts here as well.
    """
    for spec in list(gymnasium.registry.values()):
        if spec.namespace is None and isinstance(spec.entry_point, str) and spec.entry_point.startswith("gymnasium.envs."):
            _register(
                spec.id, {"env_id": spec.id}, reward_threshold=spec.reward_threshold, nondeterministic=spec.nondeterministic
            )
    _register("Remote-v0", {})


def _register(name, kwargs, **described):
    env_id = f"{NAMESPACE}/{name}"
    if env_id not in gymnasium.registry:
        gymnasium.register(env_id, kwargs=kwargs, **_ENTRY_POINTS, **described)
