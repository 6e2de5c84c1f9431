"""How much memory a training will take, reckoned from its sizes before anything is loaded.

Counted: weights, gradients and AdamW's moments in fp32; what a step keeps for its backward pass;
what a search for summaries keeps. What a layer keeps of each token was measured with
torch.autograd.graph.saved_tensors_hooks on KoBART's layers (transformers 5.23, which keep no matrix
of attention). The allocator's rounding and workspaces are not in it: leave a margin.
"""

from dataclasses import dataclass
from typing import Any

from transformers import BartConfig

from config.schema import Configuration
from trainer.memory_share import CONTEXT

FP32 = 4  # bytes
STATE = 4 * FP32  # a parameter, its gradient, and AdamW's two moments
LIBRARIES = 900 * 1024**2  # bytes; torch, transformers and Kiwi in main memory
ROWS = 256  # of logits at once on a CPU, as in fused_loss.py
RDROP_BUFFERS = 6  # of so many rows, as in rdrop_loss.py
LOGITS = 16  # bytes for each of a batch's logits on a card: half, fp32, logarithms, gradients
SCORES = 12  # bytes for each logit of a search, or of the loss on dev


@dataclass(frozen=True)
class Kept:
    """Bytes that a layer keeps of a token, for each unit of the model's width.

    `cross`: of each input token in a decoder layer; `inner`: for each unit of the inner width.
    """

    encoder: float
    decoder: float
    cross: float
    inner: float


FULL = Kept(encoder=42, decoder=60, cross=8, inner=8)
HALF = Kept(encoder=29, decoder=40, cross=8, inner=4)


@dataclass(frozen=True)
class Size:
    """A model and the texts it sees; lengths in tokens. `half`: matrix products in 16 bits."""

    bart: BartConfig
    parameters: int
    inputs: int
    targets: int
    half: bool
    cuda: bool


@dataclass(frozen=True)
class Estimate:
    """Bytes on the device: at the peak, and at the least, with one example at a time."""

    peak: int
    least: int


def estimate(config: Configuration, size: Size) -> Estimate:
    """Reckon what a training with this configuration and its evaluations take."""
    training, beams = config.training, config.generation.num_beams

    def whole(train_batch: int, eval_batch: int) -> int:
        step = max(_step(config, size, train_batch), FP32 * size.parameters)  # the optimizer's own
        search = _search(size, eval_batch, beams=beams, new=config.generation.max_new_tokens)
        return int(_fixed(size) + max(step, search))

    return Estimate(
        peak=whole(training.per_device_train_batch_size, training.per_device_eval_batch_size),
        least=whole(1, 1),
    )


def _fixed(size: Size) -> int:
    """What is there all the time; under autocast a cast of the weights too."""
    state = (STATE + 2 * size.half) * size.parameters
    return state + (CONTEXT if size.cuda else LIBRARIES + FP32 * size.parameters)


def _step(config: Configuration, size: Size, batch: int) -> float:
    bart: Any = size.bart  # transformers types its sizes as optional
    kept = HALF if size.half else FULL
    width, inputs, targets = bart.d_model, batch * size.inputs, batch * size.targets
    encoder = inputs * (kept.encoder * width + kept.inner * bart.encoder_ffn_dim)
    decoder = targets * (kept.decoder * width + kept.inner * bart.decoder_ffn_dim)
    decoder += inputs * kept.cross * width
    layers = bart.encoder_layers * encoder + bart.decoder_layers * decoder
    if config.training.gradient_checkpointing:
        edges = FP32 * width * (inputs * bart.encoder_layers + targets * bart.decoder_layers)
        layers = edges + max(encoder, decoder)
    passes = 2 if config.training.rdrop_alpha else 1  # R-Drop keeps both for its backward pass
    layers *= passes
    if size.cuda:
        return float(layers + passes * LOGITS * targets * bart.vocab_size)
    buffers = RDROP_BUFFERS if passes > 1 else 1
    return float(layers + FP32 * bart.vocab_size * (buffers * min(ROWS, targets) + width))


def _search(size: Size, texts: int, *, beams: int, new: int) -> float:
    bart: Any = size.bart
    number, rows, width = 2 if size.half else FP32, texts * beams, bart.d_model
    past = 2 * number * bart.decoder_layers * width * (texts * size.inputs + rows * new)
    encoder = texts * size.inputs * FP32 * (4 * width + 2 * bart.encoder_ffn_dim)
    logits = rows * bart.vocab_size * SCORES
    loss = texts * size.targets * bart.vocab_size * SCORES if size.cuda else 0
    return float(max(past + logits, encoder, loss))
