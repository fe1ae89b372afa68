"""Peers that serve one environment to a client in Python: dm_env_rpc and OpenEnv, each as its users have it.

``python -m gymlink.bench.peers PEER`` serves LunarLander-v3 on a free port, prints the port, and ends with its standard input.
"""

# pyright: reportMissingImports=false, reportOptionalMemberAccess=false

import contextlib
import os
import socket
import subprocess
import sys
import threading

import gymnasium
import numpy as np

ID = "LunarLander-v3"


@contextlib.contextmanager
def served(peer):
    """Serves LunarLander-v3 in a process of its own while the context lasts, and gives the port on 127.0.0.1."""
    command = [sys.executable, "-m", "gymlink.bench.peers", peer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


@contextlib.contextmanager
def dm_env_rpc_lander():
    """Gives ``reset`` and ``step`` of an environment that dm_env_rpc serves; ``step`` says whether the episode is over."""
    import grpc
    from dm_env_rpc.v1 import connection, dm_env_adaptor

    with served("dm_env_rpc") as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
        env, _ = dm_env_adaptor.create_and_join_world(connection.Connection(channel), {}, {})
        yield env.reset, lambda action: env.step({"action": action}).last()


@contextlib.contextmanager
def openenv_lander():
    """Gives ``reset`` and ``step`` of an environment that OpenEnv serves; ``step`` says whether the episode is over."""
    from openenv.core.generic_client import GenericEnvClient

    def step(action):
        result = client.step({"action": int(action)})
        np.asarray(result.observation["values"], np.float32)
        return result.done

    with served("openenv") as port, GenericEnvClient(f"http://127.0.0.1:{port}") as client:
        yield client.reset, step


def serve_dm_env_rpc():
    """Serves over gRPC, one environment a stream."""
    from concurrent import futures

    import grpc
    from dm_env_rpc.v1 import dm_env_rpc_pb2 as messages
    from dm_env_rpc.v1 import dm_env_rpc_pb2_grpc as services
    from dm_env_rpc.v1 import spec_manager

    state = messages.EnvironmentStateType
    specs = messages.ActionObservationSpecs(
        actions={1: messages.TensorSpec(name="action", dtype=messages.DataType.INT64)},
        observations={
            1: messages.TensorSpec(name="observation", dtype=messages.DataType.FLOAT, shape=[8]),
            2: messages.TensorSpec(name="reward", dtype=messages.DataType.DOUBLE),
        },
    )
    actions, observations = spec_manager.SpecManager(specs.actions), spec_manager.SpecManager(specs.observations)

    class Lander(services.EnvironmentServicer):
        def Process(self, request_iterator, context):
            env, over = gymnasium.make(ID), True

            def step(request):
                nonlocal over
                # The step after a reset, or after an episode's last, begins an episode.
                if over:
                    observation, reward, terminated, truncated = env.reset()[0], 0.0, False, False
                else:
                    action = actions.unpack(request.actions)["action"]
                    observation, reward, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                tensors = observations.pack({"observation": observation, "reward": np.float64(reward)})
                return messages.StepResponse(
                    state=state.TERMINATED if terminated else state.INTERRUPTED if truncated else state.RUNNING,
                    observations={uid: tensors[uid] for uid in request.requested_observations},
                )

            def reset(_):
                nonlocal over
                over = True
                return messages.ResetResponse(specs=specs)

            answers = {
                "create_world": lambda _: messages.CreateWorldResponse(world_name="lander"),
                "join_world": lambda _: messages.JoinWorldResponse(specs=specs),
                "step": step,
                "reset": reset,
            }
            for request in request_iterator:
                kind = request.WhichOneof("payload")
                yield messages.EnvironmentResponse(**{kind: answers[kind](getattr(request, kind))})

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    services.add_EnvironmentServicer_to_server(Lander(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


def serve_openenv():
    """Serves over WebSockets, one environment a session."""
    import uvicorn
    from openenv.core.env_server import create_fastapi_app
    from openenv.core.env_server.interfaces import Environment
    from openenv.core.env_server.types import Action, Observation, State

    class LanderAction(Action):
        action: int

    class LanderObservation(Observation):
        values: list[float]

    class Lander(Environment):
        def __init__(self):
            super().__init__()
            self.env = gymnasium.make(ID)

        def reset(self, seed=None, episode_id=None, **kwargs):
            return LanderObservation(values=self.env.reset(seed=seed)[0].tolist())

        def step(self, action, timeout_s=None, **kwargs):
            observation, reward, terminated, truncated, _ = self.env.step(action.action)
            return LanderObservation(values=observation.tolist(), reward=float(reward), done=terminated or truncated)

        @property
        def state(self):
            return State()

    listener = socket.create_server(("127.0.0.1", 0))
    app = create_fastapi_app(Lander, LanderAction, LanderObservation)
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def end_with_input():
    """Ends this process when nobody can write to its standard input any more."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    {"dm_env_rpc": serve_dm_env_rpc, "openenv": serve_openenv}[sys.argv[1]]()
