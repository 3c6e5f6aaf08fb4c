"""Serves the model whose file the server hands over: python3 -m slipway_worker."""

import sys
import types

from .runner import serve


def load(files):
    """What the file's own load() gives; without one, the file itself is the model."""
    module = types.ModuleType("model")
    module.__file__ = files.main
    sys.modules["model"] = module
    exec(compile(bytes(files.read(files.main)), files.main, "exec"), module.__dict__)
    made = module.load(files) if hasattr(module, "load") else module
    for name in ("inputs", "outputs", "run"):
        if not hasattr(made, name):
            raise ValueError(f"it has no {name}, and no function load() that gives a model which has")
    return made


serve(load)
