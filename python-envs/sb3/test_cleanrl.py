"""CleanRL's PPO script learns on a remote environment, with one statement of it changed.

CLEANRL_CHECKOUT names a checkout of https://github.com/vwxyzjn/cleanrl; it is read from there and run from a temporary folder.
"""

import os
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gymlink.client

CHECKOUT = os.environ.get("CLEANRL_CHECKOUT")
LAST_EPISODES, WANTED = 100, 475

MADE_HERE = re.compile(r"^    envs = gym\.vector\.SyncVectorEnv\(\n.*?^    \)\n", re.DOTALL | re.MULTILINE)
# Statistics are recorded as make_env of the script does for each sub-environment. The script is of the time of Gymnasium 0.29,
# which resets in the step that ends an episode; 1.0 and newer do so when asked to.
MADE_THERE = f"""\
    envs = gym.make_vec("gymlink/CartPole-v1", num_envs=args.num_envs, autoreset_mode="SameStep")
    envs = gym.wrappers.vector.RecordEpisodeStatistics(envs, buffer_length={LAST_EPISODES})
"""


@pytest.mark.skipif(CHECKOUT is None, reason="CLEANRL_CHECKOUT names no checkout of CleanRL")
@pytest.mark.timeout(1800)
def test_ppo_script_solves_cartpole(address, tmp_path, monkeypatch):
    script, changed = MADE_HERE.subn(MADE_THERE, (Path(str(CHECKOUT)) / "cleanrl/ppo.py").read_text())
    assert changed == 1, "cleanrl/ppo.py makes its environments otherwise than expected"
    (tmp_path / "ppo.py").write_text(script)
    monkeypatch.chdir(tmp_path)  # the script writes its logs into the current folder
    monkeypatch.setattr(sys, "argv", ["ppo.py", "--seed", "2", "--no-cuda"])
    torch.set_num_threads(1)
    envs = runpy.run_path("ppo.py", run_name="__main__")["envs"]
    assert type(envs.unwrapped) is gymlink.client.RemoteVectorEnv
    returns = envs.return_queue
    print(f"CleanRL's PPO: mean return {np.mean(returns):.1f} ± {np.std(returns):.1f} over its last {len(returns)} episodes")
    assert len(returns) == LAST_EPISODES
    assert np.mean(returns) >= WANTED
