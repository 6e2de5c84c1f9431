"""A fault at a chosen function of a real process, put there from outside the product.

`at("hpo.objective:Objective.run", "…")` gives an environment in which Python runs the given code
before each call of that function; `call` counts the calls in the process from 1.
"""

import os
from pathlib import Path

HOOK = """\
import importlib.util, os, signal, sys

module_name, path = {target!r}.split(":")

def wrapped(function):
    def replacement(*args, **kwargs):
        replacement.call += 1
        exec({code!r}, dict(globals(), call=replacement.call, args=args))
        return function(*args, **kwargs)
    replacement.call = 0
    return replacement

def patch(module):
    *owners, name = path.split(".")
    owner = module
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, wrapped(getattr(owner, name)))

class Finder:
    def find_spec(self, name, path, target=None):
        if name != module_name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (run(module), patch(module))
        return spec

sys.meta_path.insert(0, Finder())
"""


def at(folder: Path, target: str, code: str) -> dict[str, str]:
    """Give the environment variables; the hook is written into `folder`."""
    folder.mkdir()
    text = HOOK.format(target=target, code=code)
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
