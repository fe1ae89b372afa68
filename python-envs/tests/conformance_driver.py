"""Plays the scenarios of proto/conformance through `gymlink.client` and writes the transcript of what its interface tells.

python conformance_driver.py ADDRESS SCENARIOS TRANSCRIPT

A scenario is played up to the first step that the library cannot say. A record has only what the library tells.
"""
# ruff: noqa: E402 - the library and the forms are found by this file's place

import json
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("python-envs", "proto/conformance")]
from python_forms import float_json, value_json

from gymlink.client import GymlinkError, RemoteVectorEnv, calls
from tests.conformance_forms import (
    Unsayable,
    actions_from_payload,
    actions_of,
    names_of,
    row_json,
    rows_of,
    seed_of,
    space_json,
    value_of,
)

_PLAIN = ("num_envs", "num_workers", "max_episode_steps", "render_mode")
_OPEN_FIELDS = {
    *("op", "stream", "expect", "env_id", "kwargs", "env_kwargs", "seed", "autoreset_mode", "observation_mode"),
    *("wrappers", "info_filter", "plan", "compression", "newest_frame_only"),
    *_PLAIN,
}
_AUTORESET_MODES = {"NEXT_STEP": "NextStep", "SAME_STEP": "SameStep", "DISABLED": "Disabled", "UNSPECIFIED": "NextStep"}


def _options(step):
    """The arguments of RemoteVectorEnv."""
    if not step.keys() <= _OPEN_FIELDS:
        raise Unsayable(step)
    options = {name: step[name] for name in _PLAIN if name in step}
    options["autoreset_mode"] = _AUTORESET_MODES[step.get("autoreset_mode", "NEXT_STEP")]
    options["observation_mode"] = step.get("observation_mode", "SAME").lower()
    options["seed"] = seed_of(step.get("seed"))
    options["wrappers"] = [_wrapper(form) for form in step.get("wrappers", ())]
    if "env_kwargs" in step:
        options["env_kwargs"] = [names_of(form) for form in step["env_kwargs"]]
    if "info_filter" in step:
        info_filter = step["info_filter"]
        options["info_keys"] = [] if info_filter.get("none") else info_filter.get("keys")
    if "compression" in step:
        options["compression"] = step["compression"].lower()
    if "newest_frame_only" in step:
        options["newest_frame_only"] = step["newest_frame_only"]
    if "plan" in step:
        options["plan"] = _plan(step["plan"], step["num_envs"])
    return {**options, **names_of(step.get("kwargs", {}))}


def _wrapper(form):
    return form if isinstance(form, str) else (form["name"], names_of(form["kwargs"]))


def _plan(forms, num_envs):
    plan = [[] for _ in range(num_envs)]
    for form in forms:
        if form["env_index"] >= num_envs:
            raise Unsayable(form)
        reset = {"seed": seed_of(form.get("seed"))}
        if "options" in form:
            reset["options"] = names_of(form["options"])
        plan[form["env_index"]].append(reset)
    return plan


def _reset(step, num_envs):
    """The arguments of `reset`."""
    options, each, indices = step.get("options"), step.get("env_options"), step.get("env_indices")
    seeds = [seed_of(form) for form in step["env_seeds"]] if "env_seeds" in step else None
    if (options and each) or (seeds and "seed" in step):
        raise Unsayable(step)
    if indices:
        if each or sorted(set(indices)) != indices or indices[-1] >= num_envs:
            raise Unsayable(step)
        mask = np.zeros(num_envs, bool)
        mask[indices] = True
        given = {"reset_mask": mask, **names_of(options or {})}
        if seeds:
            if len(seeds) != len(indices):
                raise Unsayable(step)
            seeds = [seeds[indices.index(env)] if env in indices else None for env in range(num_envs)]
    else:
        given = [names_of(form) for form in each] if each else None if options is None else names_of(options)
    return {"seed": seed_of(step.get("seed")) if seeds is None else seeds, "options": given}


class _Play:
    """One scenario while it is played."""

    def __init__(self, address):
        self._address, self._streams, self._kept = address, {}, {}

    def play(self, steps):
        """A record for each step that can be said."""
        records = []
        try:
            for step in steps:
                records.append(self._record(step))
        except Unsayable:
            pass
        finally:
            for envs in self._streams.values():
                envs.close()
        return records

    def _record(self, step):
        operation = getattr(self, f"_op_{step['op']}", None)
        if operation is None or "lacking" in step or "seq" in step:
            raise Unsayable(step)
        try:
            return operation(step)
        except (GymlinkError, ValueError, TypeError) as error:
            # Not a mistake of this file's.
            if not any(str(Path("gymlink/client")) in frame.filename for frame in traceback.extract_tb(error.__traceback__)):
                raise
            return {"error": _error_json(error)}

    def _envs(self, step):
        if step.get("stream", "a") not in self._streams:
            raise Unsayable(step)
        return self._streams[step.get("stream", "a")]

    def _op_open(self, step):
        name = step.get("stream", "a")
        if name in self._streams:
            raise Unsayable(step)
        envs = self._streams[name] = RemoteVectorEnv(step["env_id"], address=self._address, **_options(step))
        form = {
            "observation_space": space_json(envs.single_observation_space),
            "action_space": space_json(envs.single_action_space),
            "autoreset_mode": envs.autoreset_mode.name,
            "seed": str(envs.seed),
            "environment": {"max_episode_steps": envs.max_episode_steps},
        }
        return {"opened": form}

    def _op_reset(self, step):
        envs = self._envs(step)
        return _transition_json(envs, *envs.reset(**_reset(step, envs.num_envs)))

    def _op_step(self, step):
        envs = self._envs(step)
        if step.get("env_indices"):
            raise Unsayable(step)
        space, count = envs.single_action_space, envs.num_envs
        if "actions_hex" in step:
            actions = actions_from_payload(space, count, bytes.fromhex(step["actions_hex"]))
        else:
            actions = actions_of(space, count, step["t"])
        observations, rewards, terminations, truncations, infos = envs.step(actions)
        flags = {
            "reward": [float_json(reward) for reward in rewards],
            "terminated": terminations.astype(int).tolist(),
            "truncated": truncations.astype(int).tolist(),
        }
        return _transition_json(envs, observations, infos, **flags)

    def _op_steps(self, step):
        times = range(step["t"], step["t"] + step["count"])
        return {"replies": [self._record({**step, "op": "step", "t": t}) for t in times]}

    def _op_render(self, step):
        envs = self._envs(step)
        if envs.render_mode is None:
            raise Unsayable(step)
        indices, encoding = step.get("env_indices"), step.get("encoding")
        frames = envs.render(encoding=encoding and encoding.lower(), width=step.get("width"), env_indices=indices)
        form = [
            {
                "env_index": env,
                "frames": [value_json(frame) for frame in (given if isinstance(given, list) else [given])],
                "is_list": isinstance(given, list),
            }
            for env, given in zip(indices or range(envs.num_envs), frames)
        ]
        return {"rendered": form}

    def _op_call(self, step):
        envs, indices = self._envs(step), step.get("env_indices", ())
        args = [value_of(form) for form in step.get("args", ())]
        kwargs = names_of(step.get("kwargs", {}))
        if "set" not in step:
            results = calls.call(envs.session, step["name"], args, kwargs, indices)
            return {"called": {"results": [value_json(result) for result in results]}}
        if args or kwargs:
            raise Unsayable(step)
        calls.set_values(envs.session, step["name"], [value_of(form) for form in step["set"]], indices)
        return {"called": {}}

    def _op_save_state(self, step):
        return self._saved(step, self._envs(step).save_state(step.get("env_indices")))

    def _op_restore_state(self, step):
        envs = self._envs(step)
        return _transition_json(envs, *envs.restore_state(self._states(step), step.get("env_indices")))

    def _op_drop_state(self, step):
        self._envs(step).drop_state(self._states(step))
        return {"StateDroppedResponse": {}}

    def _op_export_state(self, step):
        states = self._kept[step["as"]] = self._envs(step).export_state(self._states(step))
        return {"state_exported": {"count": len(states)}}

    def _op_import_state(self, step):
        return self._saved(step, self._envs(step).import_state(self._states(step)))

    def _op_close(self, step):
        self._envs(step).close()
        return {"ClosedResponse": {}}

    def _saved(self, step, ids):
        self._kept[step["as"]] = ids
        return {"state_saved": {"count": len(ids), "different": len(set(ids)) == len(ids)}}

    def _states(self, step):
        found = []
        for form in step["states"]:
            if isinstance(form, str):
                name, place = form.split(".")
                found.append(self._kept[name][int(place)])
            else:
                found.append(bytes.fromhex(form["hex"]) if isinstance(form, dict) else form)
        return found


def _transition_json(envs, observations, infos, **flags):
    details, space = envs.last_transition(), envs.single_observation_space
    rows = rows_of(space, observations)
    finals, final_infos = details.final_observations, details.final_infos
    form = {
        "env_index": details.envs,
        "episode": details.episodes,
        "episode_step": details.episode_steps,
        "kind": [kind.upper() for kind in details.kinds],
        "observation": [row_json(space, rows[env]) for env in details.envs],
        "info": [value_json(info) for info in details.infos],
        "seed": [str(details.seeds[env]) if env in details.seeds else None for env in details.envs],
        "final_observation": [row_json(space, finals[env]) if env in finals else None for env in details.envs],
        "final_info": [value_json(final_infos[env]) if env in final_infos else None for env in details.envs],
        **flags,
    }
    return {"transition": form}


def _error_json(error):
    """What the server said of a failure; nothing but the reason where the library refused before it asked the server."""
    if not isinstance(error, GymlinkError) or error.reason == "INVALID_ARGUMENT":
        return {}
    if not error.env_id:
        return {"reason": error.reason}
    exception = error.exception
    return {
        "reason": error.reason,
        "env_id": error.env_id,
        "env_indices": error.env_indices,
        "advanced_env_indices": error.advanced_env_indices,
        "exception": exception and {name: exception[name] for name in ("type", "message")},
        "suggestions": error.suggestions,
    }


def main(address, scenarios, target):
    """Plays all scenarios but those that need no server, or whose seed the server draws."""
    warnings.simplefilter("ignore")
    listed = json.loads(Path(scenarios).read_text(encoding="utf-8"))["scenarios"]
    chosen = [one for one in listed if not one.get("offline") and one.get("compare", True)]
    played = {one["name"]: _Play(address).play(one["steps"]) for one in chosen}
    Path(target).write_text(json.dumps({name: records for name, records in played.items() if records}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
