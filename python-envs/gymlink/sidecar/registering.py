"""The environments of a manifest that register nothing themselves: they get ids of Gymnasium's registry."""

import gymnasium


def register_environments(manifest):
    """Registers what a manifest has under "environments".

    Args:
        manifest: The family's manifest. Of each id it gives ``constructor`` ("module:callable"), and may give ``kwargs``,
            ``max_episode_steps``, ``reward_threshold`` and ``nondeterministic``, which mean what they do in
            ``gymnasium.register``.
    """
    for env_id, entry in manifest.get("environments", {}).items():
        gymnasium.register(
            id=env_id,
            entry_point=entry["constructor"],
            kwargs=entry.get("kwargs", {}),
            max_episode_steps=entry.get("max_episode_steps"),
            reward_threshold=entry.get("reward_threshold"),
            nondeterministic=entry.get("nondeterministic", False),
        )
