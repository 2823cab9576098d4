"""The 2014 paper's theory as numbers, from D's logits on held-out reals and fresh fakes.

See "Generative Adversarial Nets" (Goodfellow et al., 2014): V(D, G) is equation 1; at the
optimal D, V = -log 4 + 2 JSD(p_data || p_g) (theorem 1). For any other D the estimate below
is a lower bound in expectation.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.floating]


def value(real_logits: Logits, fake_logits: Logits) -> float:
    """Returns V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))] in nats, D = sigmoid(logit)."""
    log_d_real = -np.logaddexp(0.0, -np.float64(real_logits))
    log_not_d_fake = -np.logaddexp(0.0, np.float64(fake_logits))
    return float(log_d_real.mean() + log_not_d_fake.mean())


def jensen_shannon(value: float) -> float:
    """Returns (V + log 4) / 2 in nats: the divergence itself if D is optimal, at most log 2."""
    return (value + math.log(4.0)) / 2.0


def ranked(real_logits: Logits, fake_logits: Logits) -> float:
    """Returns the share of pairs in which D puts the real above the fake, whatever the scale of its
    outputs. The first real is beside the first fake, and so on."""
    return float((real_logits > fake_logits).mean())


def accuracy(real_logits: Logits, fake_logits: Logits) -> float:
    """Returns the share that D classifies correctly, of reals and fakes in equal parts, by the sign
    of its outputs."""
    return float(((real_logits > 0).mean() + (fake_logits < 0).mean()) / 2.0)
