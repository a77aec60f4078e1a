"""The steps that random models are written with: Python text, as users write it.

In a text, `x` is the value so far. `P(...)` becomes a part of the model, `W(...)` a parameter of
that shape, `B(...)` a buffer. Names in braces are filled in: `c` is the number of channels, `s` the
last size, `n` the number of values of one image, `d` how many dimensions follow the channels and
`D` the same as torch writes it ("2d"), `o` a new number of channels, `y` another value of the
same image, `a` and `b` numbers. A step that does not run on the value so far is left out.
"""

# What models may use beside torch; a class is written into the model's file if it is used.
CLASSES = {
    "SameConv": """
class SameConv(nn.Conv2d):
    def forward(self, x):
        rows, columns = x.shape[-2:]
        more = [max((math.ceil(n / 2) - 1) * 2 + 3 - n, 0) for n in (columns, rows)]
        x = F.pad(x, (more[0] // 2, more[0] - more[0] // 2, more[1] // 2, more[1] - more[1] // 2))
        return F.conv2d(x, self.weight, self.bias, 2)
""",
    "OwnConv": """
class OwnConv(nn.Conv2d):
    def forward(self, x):
        return super().forward(x)
""",
    "Standardized": """
class Standardized(nn.Conv2d):
    def forward(self, x):
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-3)
        return self._conv_forward(x, w, self.bias)
""",
    "Residual": """
class Residual(nn.Module):
    def __init__(self, block, shortcut=None):
        super().__init__()
        self.block, self.shortcut = block, shortcut

    def forward(self, x):
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return self.block(x) + shortcut
""",
    "Scale": """
class Scale(nn.Module):
    def __init__(self, gain=1.0, *, shift=0.0):
        super().__init__()
        self.gain, self.shift = gain, nn.Parameter(torch.tensor(shift))

    def forward(self, x, **kwargs):
        gain = kwargs.pop("gain", self.gain)
        return x * gain + self.shift
""",
    "NormAct": """
class NormAct(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        x = F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
            self.momentum, self.eps,
        )
        return self.act(x)
""",
    "Half": """
class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x / 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2
""",
}

WEIGHTS = {
    "Linear": "x = P(nn.Linear({s}, {o}))(x)",
    "Linear without bias": "x = P(nn.Linear({s}, {o}, bias=False))(x)",
    "Conv": "x = P(nn.Conv{D}({c}, {o}, {k}))(x)",
    "Conv, padded": "x = P(nn.Conv{D}({c}, {o}, 3, padding=1, bias=False))(x)",
    "Conv, strided": "x = P(nn.Conv{D}({c}, {o}, 3, stride=2, padding=1))(x)",
    "Conv, depthwise": "x = P(nn.Conv{D}({c}, 2 * {c}, 3, padding=1, groups={c}))(x)",
    "Conv, dilated": "x = P(nn.Conv{D}({c}, {o}, 3, padding=2, dilation=2))(x)",
    "Conv, padding same": "x = P(nn.Conv{D}({c}, {o}, 2, padding='same'))(x)",
    "Conv, reflected": "x = P(nn.Conv{D}({c}, {o}, 3, padding=1, padding_mode='reflect'))(x)",
    "Conv, circular": "x = P(nn.Conv{D}({c}, {o}, 3, padding=1, padding_mode='circular'))(x)",
    "ConvTranspose": "x = P(nn.ConvTranspose{D}({c}, {o}, 2))(x)",
    "ConvTranspose, grouped": "x = P(nn.ConvTranspose{D}({c}, 2 * {c}, 2, groups={c}))(x)",
    "Conv, BatchNorm": "x = P(nn.BatchNorm{D}({o}))(P(nn.Conv{D}({c}, {o}, {k}, bias=False))(x))",
    "Linear, BatchNorm": "x = P(nn.BatchNorm1d({o}))(P(nn.Linear({s}, {o}))(x))",
    "ConvTranspose, BatchNorm": (
        "x = P(nn.ConvTranspose{D}({c}, {o}, 2))(x)\nx = P(nn.BatchNorm{D}({o}))(x)"
    ),
    "BatchNorm, Conv": "x = P(nn.BatchNorm{D}({c}))(x)\nx = P(nn.Conv{D}({c}, {o}, {k}))(x)",
    "SameConv": "x = P(SameConv({c}, {o}, 3))(x)",
    "OwnConv, BatchNorm": "x = P(OwnConv({c}, {o}, 1))(x)\nx = P(nn.BatchNorm2d({o}))(x)",
    "Standardized, BatchNorm": (
        "x = P(Standardized({c}, {o}, 3, padding=1))(x)\nx = P(nn.BatchNorm2d({o}))(x)"
    ),
    "weight_norm": "x = P(nn.utils.parametrizations.weight_norm(nn.Linear({s}, {o})))(x)",
    "F.conv": "x = F.conv{D}(x, W({o}, {c}, *[2] * {d}), W({o}))",
    "F.conv_transpose": "x = F.conv_transpose{D}(x, W({c}, {o}, *[2] * {d}))",
    "F.conv, F.batch_norm": (
        "x = F.conv{D}(x, weight=W({o}, {c}, *[1] * {d}))\n"
        "m = P(nn.BatchNorm{D}({o}))\n"
        "x = F.batch_norm(x, m.running_mean, m.running_var, m.weight, m.bias, training=m.training)"
    ),
    "F.linear": "x = F.linear(x, W({o}, {s}), W({o}))",
    "tied weights": "m = P(nn.Linear({s}, {o}))\nx = F.linear(torch.relu(m(x)), m.weight.t())",
    "x @ W": "x = x @ W({s}, {o}) + W({o})",
    "W @ x": "x = W({o}, {c}) @ x",
    "matmul": "x = torch.matmul(x, W({s}, {o}))",
    "einsum": "x = torch.einsum('bc...,co->bo...', x, W({c}, {o}))",
    "tensordot": "x = torch.tensordot(x, W({s}, {o}), ([-1], [0]))",
    "addmm": "x = torch.addmm(W({o}), x, W({s}, {o}))",
    "mv": "x = torch.stack([x.flatten(1) @ W({n}), x.flatten(1).mv(W({n}))], 1)",
    "a module twice": "m = P(nn.Linear({s}, {s}))\nx = m(torch.relu(m(x)))",
    "a block twice": (
        "m = P(nn.Sequential(nn.Conv{D}({c}, {c}, 1), nn.BatchNorm{D}({c}), nn.ReLU()))\n"
        "x = m(m(x))"
    ),
    "unbound method": "x = nn.Linear.forward(P(nn.Linear({s}, {o})), x)",
    "Residual": "x = P(Residual(nn.Sequential(nn.Conv{D}({c}, {c}, 3, padding=1), nn.ReLU())))(x)",
    "Residual with shortcut": (
        "x = P(Residual(nn.Sequential(nn.Conv{D}({c}, {o}, 1), nn.BatchNorm{D}({o}), nn.ReLU(), "
        "nn.Conv{D}({o}, {o}, 3, padding=1)), nn.Conv{D}({c}, {o}, 1)))(x)"
    ),
    "ModuleList": (
        "for m in P(nn.ModuleList(nn.Linear({s}, {s}) for _ in range(2))):\n"
        "    x = torch.relu(m(x))"
    ),
    "ModuleList, zip with chunks": (
        "ms = P(nn.ModuleList(nn.Conv{D}({c} // 2, {o}, 1) for _ in range(2)))\n"
        "x = torch.cat([m(part) for m, part in zip(ms, x.chunk(2, 1))], 1)"
    ),
    "ModuleDict": "ms = P(nn.ModuleDict(dict(one=nn.Linear({s}, {o}))))\nx = ms['one'](x)",
}

RELUS = {
    "nn.ReLU": "x = P(nn.ReLU())(x)",
    "nn.ReLU, in place": "x = P(nn.ReLU(inplace=True))(x)",
    "nn.ReLU, in place, not assigned": "x = 1 * x\nP(nn.ReLU(inplace=True))(x)",
    "nn.ReLU twice": "m = P(nn.ReLU())\nx = m(x)\nx = m(P(nn.Linear({s}, {o}))(x))",
    "nn.ReLU6": "x = P(nn.ReLU6())(x)",
    "nn.Hardtanh": "x = P(nn.Hardtanh(0, 2.5))(x)",
    "nn.Threshold": "x = P(nn.Threshold(0, 0))(x)",
    "torch.relu": "x = torch.relu(x)",
    "torch.relu_": "x = 1 * x\ntorch.relu_(x)",
    "F.relu": "x = F.relu(x)",
    "F.relu, in place": "x = F.relu(1 * x, inplace=True)",
    "F.relu by keyword": "x = F.relu(input=x)",
    "x.relu": "x = x.relu()",
    "x.relu_": "x = x.clone()\nx.relu_()",
    "relu6": "x = F.relu6(x)",
    "hardtanh": "x = F.hardtanh(x, 0.0, 1.5)",
    "clamp(min=0)": "x = x.clamp(min=0)",
    "clamp(0, c)": "x = torch.clamp(x, 0, 2)",
    "clamp_": "x = x + 0\nx.clamp_(0)",
    "clamp_min": "x = x.clamp_min(0.0)",
    "clip": "x = x.clip(0)",
    "threshold": "x = F.threshold(x, 0.0, 0.0)",
    "a ReLU in a Sequential": "x = P(nn.Sequential(nn.Identity(), nn.Sequential(nn.ReLU())))(x)",
    "NormAct": "x = P(NormAct({c}))(x)",
    "Tensor.relu": "x = torch.Tensor.relu(x)",
    "a ReLU read twice": "r = x.relu()\nx = r + {a} * r",
}

# Functions that are continuous and piecewise linear: sums of ReLUs.
PIECEWISE = {
    "nn.LeakyReLU": "x = P(nn.LeakyReLU(0.1))(x)",
    "F.leaky_relu": "x = F.leaky_relu(x, 0.2)",
    "nn.PReLU": "x = P(nn.PReLU())(x)",
    "nn.PReLU per channel": "x = P(nn.PReLU({c}))(x)",
    "nn.RReLU": "x = P(nn.RReLU())(x)",
    "nn.Hardtanh(-1, 1)": "x = P(nn.Hardtanh())(x)",
    "nn.Hardsigmoid": "x = P(nn.Hardsigmoid())(x)",
    "clamp(-a, b)": "x = x.clamp(-0.5, 1.0)",
    "clamp(max=)": "x = x.clamp(max=0.7)",
    "abs": "x = x.abs()",
    "Softshrink": "x = P(nn.Softshrink(0.2))(x)",
    "maximum with 0": "x = torch.maximum(x, torch.zeros_like(x))",
    "maximum with a number": "x = torch.maximum(x, torch.tensor(0.1))",
    "maximum of two signals": "x = torch.maximum(x, {a} * {y})",
    "minimum of two signals": "x = torch.minimum(x, {a} * {y})",
    "where": "x = torch.where(x > 0, x, 0.0)",
    "where, leaky": "x = torch.where(x >= 0, x, 0.1 * x)",
    "x * (x > 0)": "x = x * (x > 0)",
    "x * (x > 0).float()": "x = x * (x > 0).float()",
    "masked_fill": "x = x.masked_fill(x < 0, 0.0)",
    "max over a dimension": "x = x.max(1, keepdim=True).values",
    "max over the last dimension": "x = x.max(dim=-1, keepdim=True)[0]",
    "torch.max of two": "x = torch.max(x, {y})",
    "amax": "x = x.amax(-1, keepdim=True)",
    "amin": "x = x.amin(-1, keepdim=True)",
    "maxout": "x = x.unflatten(1, ({c} // 2, 2)).amax(2)",
}

POOLS = {
    "nn.AvgPool": "x = P(nn.AvgPool{D}(2))(x)",
    "nn.AvgPool, padded": "x = P(nn.AvgPool{D}(3, 2, padding=1, count_include_pad=False))(x)",
    "nn.AvgPool, ceil_mode": "x = P(nn.AvgPool{D}(2, ceil_mode=True))(x)",
    "nn.AdaptiveAvgPool": "x = P(nn.AdaptiveAvgPool{D}(2))(x)",
    "nn.MaxPool": "x = P(nn.MaxPool{D}(2))(x)",
    "nn.MaxPool, padded": "x = P(nn.MaxPool{D}(3, 2, padding=1))(x)",
    "nn.MaxPool, ceil_mode": "x = P(nn.MaxPool{D}(2, ceil_mode=True))(x)",
    "nn.MaxPool, stride 1": "x = P(nn.MaxPool{D}(2, 1))(x)",
    "nn.AdaptiveMaxPool": "x = P(nn.AdaptiveMaxPool{D}(1))(x)",
    "F.avg_pool": "x = F.avg_pool{D}(x, 2, 1)",
    "F.avg_pool of the whole": "x = F.avg_pool{D}(x, x.shape[2:])",
    "F.adaptive_avg_pool": "x = F.adaptive_avg_pool{D}(x, 1)",
    "F.max_pool": "x = F.max_pool{D}(x, kernel_size=2)",
    "F.max_pool, minus infinity": (
        "x = F.max_pool{D}(F.pad(F.relu(x), (0, 1), value=float('-inf')), 2)"
    ),
    "torch.max_pool": "x = torch.max_pool{D}(x, 2)",
    "F.adaptive_max_pool": "x = F.adaptive_max_pool{D}(x, 2)",
    "nn.LPPool(1)": "x = P(nn.LPPool{D}(1, 2))(x)",
    "mean over space": "x = x.mean(tuple(range(2, x.dim())), keepdim=True)",
    "mean": "x = x.mean(-1)",
    "sum": "x = x.sum(dim=-1, keepdim=True)",
    "pooled in a loop": "while x.shape[-1] > 2:\n    x = F.avg_pool1d(x, 2)",
}

RESHAPES = {
    "flatten": "x = x.flatten(1)",
    "torch.flatten": "x = torch.flatten(x, start_dim=1)",
    "nn.Flatten": "x = P(nn.Flatten())(x)",
    "view(size(0), -1)": "x = x.reshape(x.size(0), -1)",
    "view(shape[0], n)": "x = x.contiguous().view(x.shape[0], {n})",
    "view(-1, n)": "x = x.reshape(-1, {n})",
    "view(len(x), -1)": "x = x.reshape(len(x), -1)",
    "view of a list": "x = x.reshape([x.size(0), -1])",
    "view of a tuple": "x = x.reshape((x.size()[0],) + (-1,))",
    "view of a torch.Size": "x = x.reshape(torch.Size([x.shape[0], {n}]))",
    "view(shape[:1] + ...)": "x = x.reshape(x.shape[:1] + (-1,))",
    "view(*shape[:2], -1)": "x = x.reshape(*x.shape[:2], -1)",
    "view(size(0), *shape[1:])": "x = x.reshape(x.size(0), *x.shape[1:])",
    "math.prod": "b, *rest = x.shape\nx = x.reshape(b, math.prod(rest))",
    "numel() // size(0)": "x = x.reshape(x.size(0), x.numel() // x.size(0))",
    "int(size)": "x = x.reshape(x.size(0), int(x.shape[1]), -1)",
    "dim() == 4": "x = x.flatten(1) if x.dim() == 4 else x",
    "ndim in a loop": "while x.ndim > 2:\n    x = x.flatten(-2)",
    "unflatten": "x = x.unflatten(1, (-1, {g}))",
    "nn.Unflatten": "x = P(nn.Unflatten(1, ({c} // {g}, {g})))(x)",
    "groups of channels": "b, c = x.shape[:2]\nx = x.reshape(b, c // {g}, {g}, *x.shape[2:])",
    "channel shuffle": (
        "b, c, *rest = x.size()\n"
        "x = x.reshape(b, {g}, c // {g}, *rest).transpose(1, 2).reshape(b, c, *rest)"
    ),
    "reshape_as": "x = x.reshape(x.shape[0], -1).reshape_as(x)",
    "view_as": "x = x.contiguous().view(x.size(0), -1).view_as(x)",
    "unsqueeze": "x = x.unsqueeze(-1)",
    "x[..., None]": "x = x[..., None]",
    "x[:, None]": "x = x[:, None]",
    "squeeze(dim)": "x = x.unsqueeze(1).squeeze(1)",
    "squeeze of several": "x = x[:, None, ..., None].squeeze((1, -1))",
    "expand": "x = x.unsqueeze(1).expand(-1, 2, *x.shape[1:])",
    "expand by size": "x = x.unsqueeze(1).expand(x.size(0), 2, *x.shape[1:])",
    "expand_as": "x = x.mean(1, keepdim=True).expand_as(x)",
    "broadcast_to": "x = x.mean(-1, True).broadcast_to(x.shape)",
    "permute": "x = x.permute(0, *reversed(range(1, x.dim())))",
    "torch.permute": "x = torch.permute(x, [0, 2, 1])",
    "transpose": "x = x.transpose(1, -1)",
    "movedim": "x = x.movedim(1, -1)",
    "moveaxis": "x = torch.moveaxis(x, -1, 1)",
    "mT": "x = x.mT",
    "patches": (
        "p = 2\nh, w = x.shape[2] // p, x.shape[3] // p\n"
        "x = x.reshape(x.size(0), x.size(1), h, p, w, p).permute(0, 2, 4, 1, 3, 5).flatten(3)"
    ),
    "swapaxes": "x = x.swapaxes(1, 2)",
    "atleast": "x = torch.atleast_2d(x)",
    "batch second": "x = F.relu(x.transpose(0, 1) + {a}).transpose(0, 1)",
    "batch last": "x = ({a} * x.movedim(0, -1)).movedim(-1, 0)",
    "batch behind one": "x = F.leaky_relu(x.unsqueeze(0)).squeeze(0)",
    "a loop over rows": "x = torch.stack([F.relu(p) for p in x.transpose(0, 1)], 1)",
    "rows as images": (
        "b, c = x.shape[:2]\nx = F.relu(x.reshape(b * c, *x.shape[2:]) + {a}).reshape(b, c, -1)"
    ),
    "rows through a layer": (
        "b, c = x.shape[:2]\n"
        "x = P(nn.Linear({s}, {s}))(x.reshape(b * c, *x.shape[2:])).view(b, c, -1)"
    ),
}

PARTS = {
    "x[:, ::2]": "x = x[:, ::2]",
    "x[:, 1:]": "x = x[:, 1:]",
    "x[..., :-1]": "x = x[..., :-1]",
    "x[:, i]": "x = x[:, {i}]",
    "x[:, -1:]": "x = x[:, -1:]",
    "x[:, list]": "x = x[:, [0, -1]]",
    "x[:, buffer]": "x = x[:, B(torch.arange({c}).flip(0))]",
    "x[:, mask]": "x = x[:, B(torch.arange({c}) != 1)]",
    "half of the size": "x = x[:, : max(1, x.size(1) // 2)]",
    "int of a quotient": "k = max(int(x.shape[-1] / 2), 1)\nx = x[..., :k]",
    "chunk": "p, q = x.chunk(2, 1)\nx = torch.cat([F.relu(p), q], 1)",
    "chunk in a loop": "x = torch.cat([F.relu(p) + {a} for p in x.chunk(2, dim=1)], 1)",
    "split": "p, q = x.split([1, x.size(1) - 1], 1)\nx = torch.cat((q, p), dim=1)",
    "torch.split": "x = torch.cat([p * {a} for p in torch.split(x, 2, 1)], dim=1)",
    "tensor_split": "x = torch.tensor_split(x, 2, 1)[0]",
    "unbind": "x = torch.stack([{a} * p for p in x.unbind(1)], 1)",
    "sum of unbind": "x = sum(x.unbind(1)).unsqueeze(1)",
    "enumerate": "x = torch.cat([p * (i + 1) for i, p in enumerate(x.split(1, 1))], 1)",
    "a loop over a size": "for i in range(x.size(1)):\n    x = x + {a} * x[:, i : i + 1]",
    "a list of channels": "x = torch.stack([x[:, i] for i in reversed(range(x.shape[1]))], -1)",
    "narrow": "x = x.narrow(1, 0, max(1, {c} - 1))",
    "select": "x = x.select(1, {i}).unsqueeze(1)",
    "index_select": "x = x.index_select(1, B(torch.tensor([0, {i}])))",
    "gather": "x = torch.gather(x, 1, B(torch.tensor([[{i}]])).expand(x.size(0), -1))",
    "take_along_dim": "x = torch.take_along_dim(x, B(torch.zeros([1] * ({d} + 2)).long()), 1)",
    "flip": "x = x.flip(1)",
    "roll": "x = x.roll(1, -1)",
    "repeat": "x = x.repeat(1, 2, *[1] * (x.dim() - 2))",
    "tile": "x = x.tile(2)",
    "repeat_interleave": "x = x.repeat_interleave(2, 1)",
    "diagonal": "x = x.diagonal(dim1=1, dim2=2)",
    "tril": "assert x.ndim > 2\nx = x.tril()",
    "unfold": "x = x.unfold(-1, 2, 1)",
    "F.unfold": "x = F.unfold(x, 2)",
    "F.fold": "x = F.fold(F.unfold(x, 2), x.shape[2:], 2)",
    "diff": "x = x.diff(dim=-1)",
    "cumsum": "x = x.cumsum(-1)",
}

ARITHMETIC = {
    "x + a": "x = x + {a}",
    "a - x": "x = {a} - x",
    "a * x": "x = {a} * x",
    "x / a": "x = x / {b}",
    "x += a": "x = 1 * x\nx += {a}",
    "x *= a": "x = x.clone()\nx *= {a}",
    "-x": "x = -x",
    "torch.neg": "x = torch.neg(x)",
    "add with alpha": "x = torch.add(x, {y}, alpha={a})",
    "sub with alpha": "x = x.sub({y}, alpha=0.5)",
    "rsub": "x = torch.rsub(x, {a})",
    "mul_": "x = x.clone()\nx.mul_({a}).add_({b})",
    "x / size": "x = x / x.size(1)",
    "sqrt of a size": "x = x * math.sqrt(x.shape[-1])",
    "size ** -0.5": "x = x * x.size(-1) ** -0.5",
    "a parameter": "x = x * W({c}, *[1] * {d}) + W({s})",
    "float(parameter)": "x = x * float(P(Scale(1.5)).gain)",
    "float(buffer)": "x = x * float(B(torch.tensor({b})))",
    "item of a buffer": "x = x * B(torch.tensor({b})).item()",
    "a branch on a buffer": "if B(torch.tensor(1.0)) > 0:\n    x = {a} * x",
    "range over a weight's size": "for _ in range(W(2).shape[0]):\n    x = 0.5 + x",
    "Scale": "x = P(Scale({a}, shift=0.25))(x)",
    "Scale, kwargs": "x = P(Scale())(x, gain={a}, other=None)",
    "a sigmoid of a parameter": "x = x * torch.sigmoid(W({s}))",
    "arange": "x = x + torch.arange(x.size(-1))",
    "linspace": "x = x * torch.linspace(0.5, 1, x.shape[-1], dtype=x.dtype)",
    "positions": "x = x + W(1, 9, 9)[:, : x.size(1), : x.size(-1)]",
    "zeros_like": "x = x + torch.zeros_like(x)",
    "ones of the size": "x = x + torch.ones(x.size(0), *x.shape[1:])",
    "new_full": "x = x + x.new_full((x.size(0), 1) + tuple(x.shape[2:]), {a})",
    "full of one row": "x = x - x.new_full(x.shape[1:], {a})",
    "token": "x = torch.cat([W(1, 1, {s}).expand(x.size(0), -1, -1), x], 1)",
    "token by repeat": "x = torch.cat((x, W(1, {s}).repeat(x.shape[0], 1)), 1)",
    "zeros, joined": "x = torch.cat([x, torch.zeros(len(x), 1, *x.shape[2:])], 1)",
    "minus the mean": "x = x - x.mean(-1, keepdim=True)",
    "minus the mean of all": "x = x - x.flatten(1).mean(1).view(-1, *[1] * (x.dim() - 1))",
    "addcmul": "x = torch.addcmul(W({s}), x, W({s}))",
    "lerp": "x = torch.lerp(x, {y}, 0.3)",
    "std of a constant": "x = (x - 0.2) / B(torch.rand(8) + 1).std()",
    "where of a constant": "x = torch.where(B(torch.arange({s}) > 0), x, {a})",
    "masked_fill of a constant": "x = x.masked_fill(B(torch.arange({s}) == 0), {a})",
    "a buffer of a mask": "x = x * B(torch.arange({s}) % 2).float()",
    "Half": "x = Half.apply(x)",
    "a numpy number": "x = x * np.float64({a}) + np.sqrt(2.0)",
    "a lambda": "f = lambda v, k={a}: v * k\nx = f(x)",
    "try": "try:\n    x = x + 1\nexcept ValueError:\n    x = x - 1",
    "functools": "x = functools.reduce(lambda p, q: p + q, [x, {y}, {a} * x])",
    "einsum of one": "x = torch.einsum('bc...->b...c', x)",
    "if self.training": "if self.training:\n    x = x * 100",
    "if shape": "if x.shape[-1] >= 3:\n    x = x[..., 1:]\nelse:\n    x = x * 2",
    "assert": "assert x.shape[1] == {c} and x.ndim > 1\nx = x + 0",
    "is_floating_point": "x = {a} * x if x.is_floating_point() and not x.is_cuda else x",
    "dtype": "x = x * torch.tensor([{a}], dtype=x.dtype, device=x.device)",
    "sort of a constant": "x = x + B(torch.rand({s})).sort().values",
    "hypot of sizes": "x = x / math.hypot(*x.shape[1:])",
}

IDENTITIES = {
    "nn.Identity": "x = P(nn.Identity())(x)",
    "nn.Dropout": "x = P(nn.Dropout())(x)",
    "nn.Dropout, in place": "x = P(nn.Dropout(0.3, inplace=True))(x)",
    "nn.Dropout2d": "x = P(nn.Dropout2d())(x)",
    "F.dropout": "x = F.dropout(x, 0.4, training=self.training)",
    "torch.dropout": "x = torch.dropout(x, 0.4, self.training)",
    "contiguous": "x = x.contiguous()",
    "clone": "x = x.clone(memory_format=torch.contiguous_format)",
    "detach": "x = x.detach()",
    "data": "x = x.data",
    "to a dtype": "x = x.to(torch.float32)",
    "to a device": "x = x.to(x.device)",
    "double and back": "x = (x.double() * 2).float()",
    "float": "x = x.float()",
    "type_as": "x = x.type_as(B(torch.zeros(1)))",
    "requires_grad_": "x = x.requires_grad_(False)",
    "no_grad": "with torch.no_grad():\n    x = x + 0.1",
    "checkpoint": (
        "x = torch.utils.checkpoint.checkpoint(P(nn.Linear({s}, {o})), x, use_reentrant=False)"
    ),
    "positive": "x = +x",
}

PADS = {
    "F.pad": "x = F.pad(x, (1, 0))",
    "F.pad with a value": "x = F.pad(x, [0, 1, 1, 0], value=0.5)",
    "F.pad, reflect": "x = F.pad(x, (1, 1), mode='reflect')",
    "F.pad, replicate": "x = F.pad(x, (1, 1), 'replicate')",
    "F.pad, cut": "x = F.pad(x, (-1, 0))",
    "pad of computed size": "x = F.pad(x, (0, max(0, 4 - x.shape[-1])))",
    "nn.ZeroPad2d": "x = P(nn.ZeroPad2d(1))(x)",
    "nn.ConstantPad": "x = P(nn.ConstantPad{D}(1, 0.3))(x)",
    "nn.ReflectionPad": "x = P(nn.ReflectionPad{D}(1))(x)",
    "nn.ReplicationPad": "x = P(nn.ReplicationPad{D}(1))(x)",
    "nn.CircularPad": "x = P(nn.CircularPad{D}(1))(x)",
    "F.interpolate": "x = F.interpolate(x, scale_factor=2)",
    "F.interpolate to a size": "x = F.interpolate(x, size=[3] * {d}, mode='nearest')",
    "F.interpolate, bilinear": (
        "x = F.interpolate(x, [x.shape[-2] + 1, x.shape[-1]], mode='bilinear', align_corners=True)"
    ),
    "F.interpolate, linear": "x = F.interpolate(x, 3, mode='linear')",
    "F.interpolate, bicubic": "x = F.interpolate(x, scale_factor=1.5, mode='bicubic')",
    "F.interpolate, area": "x = F.interpolate(x, 2, mode='area')",
    "nn.Upsample": "x = P(nn.Upsample(scale_factor=2))(x)",
    "PixelShuffle": "x = P(nn.PixelShuffle(2))(x)",
    "pixel_unshuffle": "x = F.pixel_unshuffle(x, 2)",
    "ChannelShuffle": "x = F.channel_shuffle(x, {g})",
    "grid_sample": (
        "x = F.grid_sample(x, B(torch.rand(1, 3, 3, 2) - 0.5).expand(len(x), -1, -1, -1), "
        "align_corners=False)"
    ),
}

JOINS = {
    "x + y": "x = x + {y}",
    "x - y": "x = {a} * x - {y}",
    "x += y": "x = 1 * x\nx += {y}",
    "torch.add": "x = torch.add({y}, x)",
    "cat": "x = torch.cat([x, {y}], 1)",
    "cat by keyword": "x = torch.cat(tensors=(x, {y}), dim=1)",
    "concat of three": "x = torch.concat([x, {y}, F.relu(x)], dim=1)",
    "hstack": "x = torch.hstack([x, {y}])",
    "stack": "x = torch.stack([x, {y}], dim=1)",
    "stack and mean": "x = torch.stack([x, {y}]).mean(0)",
    "stack and amax": "x = torch.stack([x, {y}]).amax(0)",
    "stack of ReLUs": "x = F.relu(torch.stack([x, {a} * {y}])).sum(0)",
    "cat and chunk": "p, q = F.relu(torch.cat([x, {y}])).chunk(2)\nx = p - {a} * q",
    "cat of flat values": "x = torch.cat([x.flatten(1), {y}.flatten(1)], -1)",
    "mean of both": "x = (x + {y}) / 2",
    "a list of branches": "x = sum([F.relu({a} * x), {y}, x])",
}

# Writes into parts of a tensor, and into views that are read afterwards.
WRITES = {
    "x[:, 0] = 0": "x = x.clone()\nx[:, 0] = 0",
    "x[:, i] += a": "x = x.clone()\nx[:, {i}] += {a}",
    "x[:, ::2] *= a": "x = x.clone()\nx[:, ::2] *= {a}",
    "x[..., -1] = y": "x = x.clone()\nx[..., -1] = {y}[..., 0]",
    "x[:, 1:] = x[:, :-1]": "x = x.clone()\nx[:, 1:] = x[:, :-1].clone()",
    "x[:] = y": "x = x.clone()\nx[:] = {a} * {y}",
    "shift of channels": (
        "z = torch.zeros_like(x)\nz[:, :-1] = x[:, 1:]\nz[:, -1:] = x[:, -1:]\nx = z"
    ),
    "zeros, filled": (
        "z = torch.zeros(x.size(0), x.size(1) + 1, *x.shape[2:])\nz[:, 1:] = x\nx = z"
    ),
    "empty, filled": (
        "z = x.new_empty(x.shape)\nz[:, :1] = x[:, :1]\nz[:, 1:] = {a} * x[:, 1:]\nx = z"
    ),
    "write with a mask": "x = x.clone()\nx[:, B(torch.arange({c}) == 0)] = {a}",
    "write of a ReLU": "x = x.clone()\nx[:, :1] = F.relu(x[:, :1])",
    "view of a part": "x = x.clone()\nv = x[:, :1]\nv.mul_({a})",
    "views in a loop": "x = x.clone()\nfor p in x.chunk(2, 1):\n    p.add_({a})",
    "select, relu_": "x = x.clone()\nx.select(1, 0).relu_()",
    "part in place": "x = x.clone()\nF.relu(x[:, :1], inplace=True)",
    "fill_": "x = x.clone()\nx[:, :1].fill_({a})",
    "zero_": "x = x.clone()\nx.narrow(1, 0, 1).zero_()",
    "copy_": "x = x.clone()\nx[:, :1].copy_({y}[:, :1])",
    "index_fill": "x = x.index_fill(1, B(torch.tensor([0])), {a})",
    "index_add": "x = x.index_add(1, B(torch.tensor([0])), {y}[:, :1])",
    "two names": "x = x.clone()\nu = x\nu += {a}\nx = x + u",
    "detached name": "x = x.clone()\nu = x.detach()\nu.mul_({a})\nx = x + 1",
    "an old value": "x = x.clone()\nu = {a} * x\nx.add_(1)\nx = x + u",
}

# These may be refused, but never be wrong: they write through a view that is no plain part.
VIEWS = {
    "flat view": "x = x.clone()\nx.view(x.size(0), -1).add_({a})",
    "flat view, relu_": "x = x.clone()\nx.flatten(1).relu_()\nx = x + 1",
    "transposed view": "x = x.clone()\nx.transpose(1, -1).mul_({a})",
    "a view kept": "x = x.clone()\nv = x.unsqueeze(1)\nx.add_({a})\nx = x + v.squeeze(1)",
    "a part kept": "x = x.clone()\nv = x[:, :1]\nx.mul_({a})\nx = x + v",
    "a reversed part kept": "x = x.clone()\nv = x[:, :1]\nx[:, :1] = {a}\nx = x + v",
    "expanded": "v = x[:, :1].expand_as(x).clone()\nx = x + v.relu_()",
    "diagonal": "x = x.clone()\nx.diagonal(dim1=1, dim2=2).add_({a})",
    "write into a row of images": "x = x.clone()\nx.permute(0, *range(1, x.dim()))[:, 0] = {a}",
}

# What must be refused: it depends on the other images, on chance, or is no sum over time.
TRAPS = {
    "batch size in a product": "x = x * x.size(0)",
    "batch size in a quotient": "x = x / len(x)",
    "batch size, halved": "x = x + x.shape[0] // 2",
    "batch size in a branch": "if x.shape[0] > 4:\n    x = 2 * x",
    "a batch of one": "x = 2 * x if len(x) == 1 else x",
    "batch size written in": "x = x.reshape(7, -1)",
    "batch size written in, flat": "x = x.reshape(7, {n})",
    "batch size in arange": "x = x + torch.arange(x.size(0)).view(-1, *[1] * (x.dim() - 1))",
    "batch size from numel": "x = x + x.numel() / {n}",
    "mean of the batch": "x = x - x.mean(0)",
    "mean of all": "x = x - x.mean()",
    "max of all": "x = x / 4 + x.max()",
    "sum over images": "x = x + x.sum(0, keepdim=True)",
    "flipped images": "x = x + x.flip(0)",
    "rolled images": "x = x.roll(1, 0)",
    "first image": "x = x + x[:1]",
    "reversed images": "x = x + x[torch.arange(x.size(0) - 1, -1, -1)]",
    "images as channels": "x = x.reshape(1, -1, *x.shape[2:]).relu().reshape_as(x) + x.cumsum(0)",
    "images swapped": "x = x.transpose(0, 1)",
    "write into an image": "x = x.clone()\nx[0] = 0",
    "write of an image": "x = x.clone()\nx[1:] = x[:-1].clone()",
    "statistics of the batch": "x = F.batch_norm(x, None, None, training=True)",
    "statistics of the image": "x = F.layer_norm(x, x.shape[1:])",
    "normalized": "x = F.normalize(x, dim=1) + x",
    "square": "x = x * x",
    "x ** 2": "x = 0.1 * x**2",
    "product": "x = x * {y}.relu()",
    "gate": "x = x * x.flatten(1).mean(1).clamp(0, 1).view(-1, *[1] * (x.dim() - 1))",
    "product in place": "x = x.clone()\nx *= {y}.clone()",
    "quotient": "x = x / (x.abs() + 1)",
    "x @ x": "x = x @ x.mT",
    "einsum of two": "x = torch.einsum('bc...,bc...->bc...', x, {y})",
    "attention": "x = F.scaled_dot_product_attention(x, x, x)",
    "addcmul of signals": "x = torch.addcmul(x, x, x, value=0.1)",
    "sigmoid": "x = torch.sigmoid(x) + 0",
    "tanh": "x = P(nn.Tanh())(x) + x",
    "SiLU": "x = P(nn.SiLU())(x)",
    "GELU": "x = F.gelu(x)",
    "exp": "x = (0.1 * x).exp()",
    "softmax inside": "x = x.softmax(1) + x",
    "round": "x = x.round()",
    "floor division": "x = (4 * x) // 1",
    "sign": "x = x.sign()",
    "step": "x = (x > 0.1).float()",
    "jump": "x = torch.where(x > 0.3, x, 0.0)",
    "threshold with a jump": "x = F.threshold(x, 0.3, 0.0)",
    "sort": "x = x.sort(-1).values",
    "topk": "x = x.topk(1, -1).values + x.argmax(-1, keepdim=True)",
    "std": "x = x - x.std(-1, keepdim=True)",
    "norm": "x = x + x.norm(dim=1, keepdim=True)",
    "steered by a value": "if x.mean() > 0.05:\n    x = {a} * x",
    "item": "x = x * x.max().item()",
    "tolist": "x = x + sum(x.flatten().tolist())",
    "numpy": "x = x + torch.from_numpy(x.numpy().mean(axis=0))",
    "float": "x = x - float(x.flatten()[0])",
    "equal": "x = x if torch.equal(x, x.relu()) else {a} * x",
    "mask by values": "x = x.clone()\nx[x > 0.4] = 0.0",
    "nonzero": "x = x + len(x.nonzero())",
    "data dependent index": "x = x.gather(1, x.argmax(1, keepdim=True))",
    "dropout": "x = F.dropout(x)",
    "torch.dropout": "x = torch.dropout(x, 0.5, True)",
    "noise": "x = x + 0.1 * torch.randn_like(x)",
    "noise, in place": "x = x.clone()\nx.add_(torch.rand(x.shape))",
    "bernoulli": "x = x * torch.bernoulli(torch.full_like(x, 0.5))",
    "random choice": "x = x[:, torch.randperm(x.size(1))]",
    "Python's own chance": "x = x * random.random()",
    "half precision": "x = x.half().float()",
    "rounded to integers": "x = (4 * x).int().float()",
}

# What may follow the logits.
HEADS = {
    "softmax": "torch.softmax({x}, 1)",
    "log_softmax": "F.log_softmax({x}, dim=-1)",
    "nn.Softmax": "P(nn.Softmax(dim=1))({x})",
    "sigmoid": "torch.sigmoid({x})",
    "nn.Tanh": "P(nn.Tanh())({x})",
}
