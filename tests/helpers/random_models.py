"""Random models, written as Python source from the texts of `random_steps`, as users write theirs.

A model is a list of steps of text, so that a failure can be shown, shortened and run by itself.
"""

import copy
import linecache
import random
import re
import warnings
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import nn

from helpers import random_steps as steps

SHAPES = [(6,), (9,), (3, 6), (4, 5), (2, 8), (2, 4, 4), (3, 5, 6), (4, 6, 6), (2, 3, 3, 4)]
IMPORTS = """\
import functools, math, random
import numpy as np, torch, torch.utils.checkpoint
import torch.nn.functional as F
from torch import nn
"""
# Groups that a block is drawn from, and how often.
AFFINE = [
    (4, "RESHAPES"), (4, "PARTS"), (5, "ARITHMETIC"), (4, "JOINS"), (2, "POOLS"), (1, "PADS"),
    (2, "IDENTITIES"), (2, "WRITES"), (1, "VIEWS"), (1, "PIECEWISE"),
]  # fmt: skip
LARGEST = 120  # values of one image at any step
BATCH = 7  # a size that no channel has, so that images and channels are not taken for each other
STEPS = [
    (group, name)
    for group in ["WEIGHTS", "RELUS", *(group for _, group in AFFINE)]
    for name in getattr(steps, group)
]
SPACE: dict = {}
exec(IMPORTS + "".join(steps.CLASSES.values()), SPACE)


@dataclass
class RandomModel:
    """A model as source, and what it is made of."""

    seed: int
    shape: tuple[int, ...]
    statements: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)  # name of a part and the line that makes it
    names: list[str] = field(default_factory=list)  # "GROUP: name" of each statement
    head: str = "{x}"

    @property
    def traps(self):
        return [name for name in self.names if name.startswith("TRAPS")]

    @property
    def source(self):
        """A file with the classes, `Net`, and nothing else."""
        body = [line for text in self.statements for line in text.split("\n")]
        used = "\n".join([*body, self.head])
        parts = [made for name, made in self.parts.items() if re.search(rf"self\.{name}\b", used)]
        text = "\n".join([*parts, used])
        own = [code.strip("\n") for name, code in steps.CLASSES.items() if name in text]
        init = ["super().__init__()", *(f"self.{part}" for part in parts)]
        net = ["class Net(nn.Module):", *_function("__init__(self)", init)]
        net += _function("logits(self, x)", [*body, "return x"])
        net += _function("forward(self, x)", ["return " + self.head.format(x="self.logits(x)")])
        return "\n\n\n".join([IMPORTS.strip(), *own, "\n".join(net)]) + "\n"

    def build(self):
        """Return the model with random weights, as a module of the file `source`."""
        file, space = f"model_{self.seed}.py", {"__name__": f"model_{self.seed}"}
        source = self.source
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        exec(compile(source, file, "exec"), space)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return randomized(space["Net"]()).eval()

    def images(self, number, seed=0):
        generator = torch.Generator().manual_seed(1000 * self.seed + seed)
        x = torch.rand(number, *self.shape, generator=generator)
        return x if self.seed % 2 else 2 * x - 1

    def without(self, i):
        """Return the model without one of its statements."""
        shorter = copy.deepcopy(self)
        del shorter.statements[i], shorter.names[i]
        return shorter


def _function(head, lines):
    return [f"    def {head}:", *(" " * 8 + line for line in lines), ""]


@torch.no_grad()
def randomized(module):
    """Give weights that keep signals alive, and BatchNorms statistics that are not 0 and 1."""
    for part in module.modules():
        for name, p in part.named_parameters(recurse=False):
            if isinstance(part, nn.PReLU | nn.utils.parametrize.ParametrizationList):
                continue
            if isinstance(part, nn.modules.batchnorm._BatchNorm) and name == "weight":
                p.copy_(1 + 0.5 * torch.randn(p.shape))
            elif p.ndim > 1:
                p.normal_(0, (1.5 / p[0].numel()) ** 0.5)
            elif p.ndim:
                p.normal_(0, 0.3)
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 1.5)
    return module


class _Writer:
    """Writes a model step by step; each step is run on a batch as it is written."""

    def __init__(self, seed, shape):
        self.rng = random.Random(seed)
        self.model = RandomModel(seed, shape)
        self.net = nn.Module().eval()
        self.values = {"x": self.model.images(BATCH)}
        torch.manual_seed(seed)

    @property
    def shape(self):
        return tuple(self.values["x"].shape[1:])

    def write(self, group, name=None):
        """Add a step of a group (a random one by default), unless it does not run here."""
        table = getattr(steps, group)
        name = name or self.rng.choice(list(table))
        text, parts = self._filled(table[name])
        return self.add(f"{group}: {name}", text, parts)

    def any_of(self, group, tries=30):
        return any(self.write(group) for _ in range(tries))

    def add(self, name, text, parts=None):
        parts = parts or {}
        # A copy of all values together, so that views stay views.
        values = SPACE | copy.deepcopy(self.values) | {"self": self.net}
        try:
            with torch.no_grad():
                for part, made in parts.items():
                    exec(f"self.{made}", values)
                    if isinstance(getattr(self.net, part), nn.Module):
                        randomized(getattr(self.net, part)).eval()
                exec(text, values)
            x = values["x"]
            assert isinstance(x, torch.Tensor)
            assert x.dtype == torch.float32
            assert x.isfinite().all()
            if not name.startswith("TRAPS"):
                assert len(x) == BATCH
                assert 0 < x.numel() <= BATCH * LARGEST
                assert 1e-2 < x.abs().max() < 1e3
        except Exception:
            for part in parts:
                if hasattr(self.net, part):
                    delattr(self.net, part)
            return False
        self.values = {k: v for k, v in values.items() if re.fullmatch(r"x|y\d+", k)}
        self.model.statements.append(text)
        self.model.names.append(name)
        self.model.parts |= parts
        return True

    def keep(self):
        """Give the value so far a name of its own, for a later join."""
        name = f"y{len(self.values)}"
        self.add("KEEP", f"{name} = x")

    def _filled(self, text):
        rng, shape = self.rng, self.shape
        kept = [k for k in self.values if k != "x"]
        same = [k for k in kept if self.values[k].shape[1:] == shape]
        c = shape[0] if shape else 1
        text = text.format(
            c=c,
            s=shape[-1] if shape else 1,
            n=self.values["x"][0].numel(),
            d=len(shape) - 1,
            D=f"{len(shape) - 1}d",
            o=rng.randint(2, 5),
            k=rng.randint(1, 3),
            g=next((g for g in (2, 3, 5) if c % g == 0), 1),
            i=rng.randrange(c),
            a=rng.choice([-1.5, -0.75, -0.3, 0.25, 0.6, 1.25, 2.0]),
            b=rng.choice([0.4, 0.7, 1.7]),
            y=rng.choice(same or kept or ["x"]),
        )
        parts: dict[str, str] = {}
        while found := re.search(r"\b[PWB]\(", text):
            end = _closing(text, found.end())
            inner, name = text[found.end() : end], f"p{len(self.model.parts) + len(parts)}"
            if found[0] == "P(":
                parts[name] = f"{name} = {inner}"
            elif found[0] == "W(":
                parts[name] = f"{name} = nn.Parameter(torch.randn({inner}))"
            else:
                parts[name] = f"register_buffer('{name}', {inner})"
            text = text[: found.start()] + f"self.{name}" + text[end + 1 :]
        return text, parts


def _closing(text, at):
    """Return the position of the bracket that closes the one before `at`."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


@lru_cache(None)
@torch.random.fork_rng()
def random_model(seed):
    """Return a random model; every tenth holds a trap."""
    rng = random.Random(seed)
    w = _Writer(seed, rng.choice(SHAPES))
    # Four steps that come before others, so that a hundred models hold nearly all steps.
    wanted = [STEPS[(4 * seed + i) % len(STEPS)] for i in range(4)]
    trap = seed % 10 == 9
    blocks = rng.randint(1, 3)
    for block in range(blocks):
        w.any_of("WEIGHTS")
        _fill(w, wanted)
        w.any_of("RELUS")
        if rng.random() < 0.5:
            w.keep()
        _fill(w, wanted)
        if trap and (block == blocks - 1 or rng.random() < 0.4):
            trap = not w.any_of("TRAPS")
    _end(w)
    spikes = any(name.startswith("RELUS") for name in w.model.names)
    return w.model if spikes and _runs(w.model) else random_model(seed + 100_000)


@torch.random.fork_rng()
def model_with(group, name):
    """Return a small model that holds a certain step behind a ReLU, and a layer behind it."""
    for attempt in range(200):
        rng = random.Random(f"{group} {name} {attempt}")
        w = _Writer(rng.randrange(1000), rng.choice(SHAPES))
        w.write("WEIGHTS", "Conv, padded") or w.write("WEIGHTS", "Linear")
        relu = w.write("RELUS", "torch.relu")
        w.keep()
        if relu and w.write(group, name):
            w.add("END", "x = x.flatten(1)")
            w.write("WEIGHTS", "Linear")
            if group == "TRAPS" or _runs(w.model):
                return w.model
    raise LookupError(f"no model with {group}: {name}")


def _fill(w, wanted):
    """Write those steps of `wanted` that run here, and up to two others."""
    wanted[:] = [step for step in wanted if not w.write(*step)]
    for _ in range(w.rng.randint(0, 2)):
        w.any_of(w.rng.choices([g for _, g in AFFINE], [n for n, _ in AFFINE])[0])


@torch.no_grad()
def _runs(model):
    """Return whether a model without a trap treats each image by itself, as its steps should."""
    if model.traps:
        return True
    try:
        net, x = model.build(), model.images(5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            together, singly = net(x), torch.cat([net(image) for image in x.split(1)])
    except Exception:
        return False
    close = together.shape == singly.shape and torch.allclose(
        together, singly, rtol=1e-3, atol=1e-4
    )
    return close and bool((together - together[:1]).abs().max() > 1e-3)


def _end(w):
    """Write the last layer, two heads, a ReLU at the end, or nothing; and what follows logits."""
    how, seed = w.rng.random(), w.model.seed
    headed = seed % 8 == 3
    if headed or how < 0.5:
        w.add("END", "x = x.flatten(1)")
        w.write("WEIGHTS", "Linear")
    elif how < 0.65:
        w.add("END", "x = x.flatten(1)")
        n = w.values["x"][0].numel()
        heads = {name: f"{name} = nn.Linear({n}, 2)" for name in ("head", "other_head")}
        w.add("END: two heads", "x = torch.cat([self.head(x), self.other_head(x)], 1)", heads)
    elif how < 0.75:
        w.any_of("RELUS")
    if headed and not w.model.traps:
        name = list(steps.HEADS)[seed // 8 % len(steps.HEADS)]
        w.model.head, parts = w._filled(steps.HEADS[name].replace("{x}", "{{x}}"))
        w.model.parts |= parts
        w.model.names.append(f"HEADS: {name}")
