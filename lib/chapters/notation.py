"""Symbol ↔ name in the code ↔ shape ↔ equation: the table of the notation page, tested against the library."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from ledgerbook.tables import Table


@dataclass(frozen=True)
class Symbol:
    """One row. ``name`` is ``module.function`` or ``module.Class.attribute``; ``shape`` uses n, k, modes."""

    symbol: str
    meaning: str
    name: str
    shape: str
    source: str


SETTING = "setting"
SYMBOLS = (
    Symbol("n", "number of samples", "network.Dataset.n", "number", SETTING),
    Symbol("x_j", "inputs, all distinct", "network.Dataset.x", "(n,)", SETTING),
    Symbol("y_j", "labels", "network.Dataset.y", "(n,)", SETTING),
    Symbol("k", "number of neurons", "network.Network.k", "number", SETTING),
    Symbol("w⁽¹⁾", "first layer, weights", "network.Network.w1", "(k,)", "S31"),
    Symbol("b⁽¹⁾", "first layer, biases", "network.Network.b1", "(k,)", "S31"),
    Symbol("w⁽²⁾", "second layer, weights", "network.Network.w2", "(k,)", "S31"),
    Symbol("b⁽²⁾", "second layer, bias", "network.Network.b2", "number", "S31"),
    Symbol("θ", "all parameters", "network.Network.vector", "(3k+1,)", "S31"),
    Symbol("z", "pre-activations", "network.Network.preactivation", "(n, k)", SETTING),
    Symbol("I", "activation pattern", "network.Network.pattern", "(n, k)", SETTING),
    Symbol("τ", "thresholds of the neurons", "network.Network.thresholds", "(k,)", "S36"),
    Symbol("f''", "second derivative: knots and their masses", "network.Network.knots", "two arrays", "S41"),
    Symbol("β", "rescaling of the neurons", "network.Network.rescale", "network", "S81"),
    Symbol("r_j", "residuals f(x_j) - y_j", "network.Network.residual", "(n,)", "S58"),
    Symbol("𝓛", "loss (L in docstrings)", "network.Network.loss", "number", SETTING),
    Symbol("∇𝓛", "gradient of the loss", "tangent.gradient", "(3k+1,)", SETTING),
    Symbol("Φ", "tangent features", "tangent.features", "(3k+1, n)", "S32"),
    Symbol("ΦᵀΦ/n", "Gram matrix", "tangent.gram", "(n, n)", "S60"),
    Symbol("ΦΦᵀ/n", "Gauss–Newton part of the Hessian", "tangent.gauss_newton", "(3k+1, 3k+1)", "S58"),
    Symbol("∇²𝓛 - ΦΦᵀ/n", "residual part of the Hessian", "tangent.residual_part", "(3k+1, 3k+1)", "S58"),
    Symbol("∇²𝓛", "Hessian", "tangent.hessian", "(3k+1, 3k+1)", "S58"),
    Symbol("λ_max", "sharpness: largest algebraic eigenvalue", "tangent.sharpness", "number", "S9"),
    Symbol("g⁺", "weight, samples above", "smoothness.g_plus", "(n,)", "S38"),
    Symbol("g⁻", "weight, samples below", "smoothness.g_minus", "(n,)", "S39"),
    Symbol("g", "weight", "smoothness.g", "(n,)", "S40"),
    Symbol("∫|f''|g", "weighted norm of the second derivative", "smoothness.weighted_norm", "number", "S41"),
    Symbol("1 + 2∫|f''|g", "bound of Lemma 4", "smoothness.sharpness_bound", "number", "S41"),
    Symbol("η", "step size", "runs.descent.Schedule.eta", "number", SETTING),
    Symbol("L̂_b", "losses of all batches of B samples", "stability.batch_losses", "(n,)", "S1"),
    Symbol("γ", "mean size of a batch gradient along q", "switching.gamma", "number", "S11"),
    Symbol("q⊤H_m q", "Rayleigh quotient of q in each mode", "switching.rayleigh", "(modes,)", "S13"),
    Symbol("δ", "how far q is from an eigenvector", "switching.deviation", "number", "S13"),
    Symbol("φ", "output with a frozen pattern", "tangent.output", "(n,)", "S45"),
    Symbol("|𝓘|", "number of modes that meet at a point", "modes.Adjacent.count", "number", "S54"),
    Symbol("λ_max(H_m)", "sharpness of every mode that meets", "modes.sharpnesses", "(modes,)", "VII.3"),
    Symbol("p_j", "neurons with their kink on each sample", "perturbation.on_samples", "(n,)", "S64"),
    Symbol("C", "largest entry of a gradient in any mode", "perturbation.gradient_bound", "number", "S66"),
    Symbol("Δ", "largest ‖Φ_m - Φ_m̃‖ of any two modes", "perturbation.widest_gap", "number", "VIII.2"),
    Symbol("ḡ", "mean gradient of the outputs", "strong.mean_gradient", "(3k+1,)", "IX.1"),
    Symbol("V", "what the second layer can do at the samples", "strong.second_layer", "(n, k+1)", "IX.2"),
    Symbol("α", "price of comparing modes", "strong.paper_alpha", "number", "S72"),
    Symbol("g_low", "weight that holds in every mode", "smoothness.g_low", "(n,)", "X.1"),
    Symbol("g_up", "weight that holds in the sharpest mode", "smoothness.g_up", "(n,)", "X.2"),
    Symbol("τκq", "kicks: positive for all in a self-stabilising mode", "oscillation.Oscillation.kicks", "(T,)", "K.2"),
    Symbol("Φ̄", "mean of the tangent features along a step", "oscillation.segment_features", "(3k+1, n)", "K.4"),
    Symbol("min_β λ_max", "flattest rescaling", "rescaling.FlattestRescaling.sharpness", "number", "S82"),
    Symbol("Λ(f)", "flattest implementation", "implementations.FlattestImplementation.sharpness", "number", "XI.4"),
    Symbol("ρ⁺, ρ⁻", "least costs of a unit of bend, by side", "implementations.side_costs", "two arrays", "XI.4"),
    Symbol("m", "smallest ∫|f''|g of any interpolant", "interpolants.smoothest_norm", "number", "VI.5"),
    Symbol("η₁", "largest step size that Theorem 1 leaves", "interpolants.largest_step_size", "number", "VI.5"),
    Symbol("η₂", "largest stable step size", "interpolants.Flattest.step_size", "number", "VI.7"),
)

TABLE = Table(
    "Symbols and their names in the code",
    ("symbol", "meaning", "in the code", "shape", "source"),
    [astuple(symbol) for symbol in SYMBOLS],
)
