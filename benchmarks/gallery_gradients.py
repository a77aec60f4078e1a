"""Rows of the gallery's table: ideas that train by gradients."""

from torch import nn

from benchmarks.gallery_rows import Idea, Measured, of_model, of_network, timed, trained
from snnlab.data import Images
from snnlab.gallery import (
    batchnorm_through_time,
    distillation,
    hoyer,
    proxy,
    single_step,
    spiking_resnet,
    surrogate_gradients,
    training,
)

STEPS = 10


def ann() -> nn.Module:
    return training.convnet(nn.ReLU)


def surrogate(data: Images, seed: int) -> Measured:
    with training.seeded(seed):
        model = surrogate_gradients.network(STEPS)
    return of_fit(model, data, seed, STEPS)


def mlp() -> nn.Module:
    return distillation.mlp(nn.ReLU)


def one_step_with_noise(data: Images, seed: int) -> Measured:
    with training.seeded(seed):
        model = training.convnet(single_step.NoisyStep)
    model, seconds = timed(lambda: training.fit(model, data.x_train, data.y_train, seed=seed))
    return of_network(single_step.spiking(model, data.x_train), data, STEPS, seconds)


def shared_weights(data: Images, seed: int) -> Measured:
    with training.seeded(seed):
        model = proxy.ProxyNetwork(ann(), STEPS)
    model, seconds = timed(lambda: training.fit(model, data.x_train, data.y_train, seed=seed))
    return of_model(model.snn, data, STEPS, seconds)


def through_time(data: Images, seed: int) -> Measured:
    with training.seeded(seed):
        model = batchnorm_through_time.network()
    return of_fit(model, data, seed, model.timesteps)


def two_temperatures(data: Images, seed: int) -> Measured:
    return taught(data, seed, tau_s=0.25)


def one_temperature(data: Images, seed: int) -> Measured:
    return taught(data, seed, tau_s=4.0)


def taught(data: Images, seed: int, tau_s: float) -> Measured:
    teacher, _ = trained(ann, seed)
    with training.seeded(seed):
        student = distillation.student()
    model, seconds = timed(
        lambda: distillation.distilled(
            *(student, teacher, data.x_train, data.y_train), tau_s, tau_t=4.0, seed=seed
        )
    )
    return of_model(model, data, model.timesteps, seconds)


def extremum_as_threshold(data: Images, seed: int) -> Measured:
    with training.seeded(seed):
        model = hoyer.network()
    return of_fit(model, data, seed, 1, hoyer.penalized(0.03))


def residual(shortcut: str):
    def measure(data: Images, seed: int) -> Measured:
        with training.seeded(seed):
            model = spiking_resnet.network(shortcut)
        return of_fit(model, data, seed, model.timesteps)

    return measure


def of_fit(model: nn.Module, data: Images, seed: int, steps: int, loss=training.cross_entropy):
    model, seconds = timed(lambda: training.fit(model, data.x_train, data.y_train, loss, seed=seed))
    return of_model(model, data, steps, seconds)


IDEAS = {
    "surrogate": Idea(surrogate, ann, "ResNet-50 in 10 steps, below its ANN", "abstract"),
    "noise": Idea(one_step_with_noise, ann, "65 to 75 % less training time", "abstract"),
    "proxy": Idea(shared_weights, ann, "Fashion-MNIST 94.56, CIFAR-10 93.11", "abstract"),
    "bntt": Idea(
        through_time, ann, "CIFAR-10 90.5 in 25 steps; converted 91.2 in 1,000", "a figure"
    ),
    "one-temperature": Idea(one_temperature, mlp, "", ""),
    "two-temperatures": Idea(
        two_temperatures, mlp, "MNIST +0.09 points with 65 % fewer spikes, at most", "abstract"
    ),
    "hoyer": Idea(extremum_as_threshold, ann, "CIFAR-10 93.44 in 1 step", "memory"),
    **{
        f"resnet-{shortcut}": Idea(
            residual(shortcut), None, "CIFAR-10 94.14, CIFAR-100 74.65", "abstract"
        )
        for shortcut in spiking_resnet.SHORTCUTS
    },
}
