"""A Slipway worker in Python: serves one model to the server that started this process.

    slipway_worker.serve(load)

`load(files)` gives the model: an object with `inputs` and `outputs`, lists of Spec, and `run(tensors)`, which gets a Tensor for each
input and gives one for each output; `labels`, a list of texts, may be there. `files.main` is the name of the model's file,
`files.names` are all, and `files.read(name)` gives the bytes of one, as a view that stays.
"""
from .runner import serve
from .tensor import Spec, Tensor

__all__ = ["Spec", "Tensor", "serve"]
