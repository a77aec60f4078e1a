"""A converter in six functions, as a learner writes it: without snnlab.

The notebooks ask for one function after the other, and `course.my_converter` completes a learner's
file with those that are missing.
"""
# mypy: ignore-errors

import copy

import numpy as np
import torch
from torch import nn


def neuron_step(v, current, threshold):
    """Return the potential after a step, and the spike, 1 or 0."""
    v = v + current
    spike = (v >= threshold) * 1.0
    return v - threshold * spike, spike


def run_layer(currents, threshold):
    """Return the spikes of each step, of neurons that start half full."""
    v = threshold / 2
    spikes = []
    for current in currents:
        v, spike = neuron_step(v, current, threshold)
        spikes.append(spike)
    return spikes


def threshold_of(activations, percentile):
    """Return the percentile of the activations that are above 0."""
    return np.percentile(activations[activations > 0], percentile)


@torch.no_grad()
def convert(layers, x_cal, percentile):
    """Return the layers with a threshold in the place of each ReLU."""
    a = x_cal
    snn = []
    for layer in layers:
        a = layer(a)
        if isinstance(layer, nn.ReLU):
            snn.append(threshold_of(a.double().numpy(), percentile))
        else:
            snn.append(layer)
    return snn


@torch.no_grad()
def fold(layers):
    """Return the layers without BatchNorm: the layer before each one has taken it in."""
    folded = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            before = folded[-1] = copy.deepcopy(folded[-1])
            stretch = layer.weight / torch.sqrt(layer.running_var + layer.eps)
            before.weight *= stretch[:, None, None, None]
            before.bias[:] = stretch * (before.bias - layer.running_mean) + layer.bias
        else:
            folded.append(layer)
    return folded


@torch.no_grad()
def simulate(snn, x, timesteps):
    """Return the spike counts of each layer of neurons, and the mean output."""
    signals = [x] * timesteps
    counts = []
    for layer in snn:
        if isinstance(layer, nn.Module):
            signals = [layer(signal) for signal in signals]
        else:
            spikes = run_layer(signals, layer)
            counts.append(sum(spikes))
            signals = [layer * spike for spike in spikes]
    return counts, sum(signals) / timesteps
