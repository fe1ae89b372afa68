"""Gymnasium environments on a gymlink server, used as if they were here.

Importing this module registers the environments of the default family under the namespace ``gymlink``:

    import gymnasium
    import gymlink.client

    env = gymnasium.make("gymlink/LunarLander-v3", address="localhost:50051")
    envs = gymnasium.make_vec("gymlink/LunarLander-v3", num_envs=8, address="localhost:50051")

and ``gymlink/Remote-v0`` for any other: ``gymnasium.make("gymlink/Remote-v0", env_id="family/Id-v0")``. Without `address` the
environment variable GYMLINK_ADDRESS counts, else ``localhost:50051``. Needs the extra ``client`` of this package.
"""

from gymlink.client.errors import GymlinkError
from gymlink.client.infos import UnsupportedInfo
from gymlink.client.registration import register
from gymlink.client.remote_async_vector_env import RemoteAsyncVectorEnv
from gymlink.client.remote_env import RemoteEnv
from gymlink.client.remote_vector_env import RemoteVectorEnv
from gymlink.client.transitions import TransitionDetails

__all__ = [
    "GymlinkError",
    "RemoteAsyncVectorEnv",
    "RemoteEnv",
    "RemoteVectorEnv",
    "TransitionDetails",
    "UnsupportedInfo",
    "register",
]

register()
