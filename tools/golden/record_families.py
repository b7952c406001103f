"""Records tiny random models of families, with what transformers computes for them, as fixtures of packages/lm.

Run by a developer, in an environment with torch 2.11 and transformers 5.x (pip install torch transformers):

    python tools/golden/record_families.py packages/lm/test/fixtures/families

Each fixture: config.json, bf16 weights, two sequences, and logits, loss and gradient norms in float32 with eager attention.
Weights are drawn in float32, rounded to bf16 and computed with in float32.
"""

import base64
import json
import math
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

SEED = 20240
BASE = dict(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
)


def case(model_type, **changes):
    return {**BASE, **changes, "model_type": model_type}


YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, rope_theta=10000.0)
CASES = {
    "olmo2": case("olmo2"),
    "glm4": case("glm4", partial_rotary_factor=0.5, attention_bias=True),
    "gemma": case("gemma", tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh"),
    "gemma3_text": case(
        "gemma3_text",
        tie_word_embeddings=True,
        num_hidden_layers=3,
        sliding_window=4,
        query_pre_attn_scalar=12,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    ),
    "llama_yarn": case("llama", rope_parameters=YARN),
    "llama_dynamic": case(
        "llama", max_position_embeddings=8, rope_parameters=dict(rope_type="dynamic", factor=4.0, rope_theta=10000.0)
    ),
    "llama_linear_bias": case(
        "llama",
        attention_bias=True,
        mlp_bias=True,
        rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=10000.0),
    ),
    "phi3_longrope": case(
        "phi3",
        hidden_size=32,
        original_max_position_embeddings=16,
        rope_parameters=dict(
            rope_type="longrope",
            rope_theta=10000.0,
            partial_rotary_factor=0.5,
            short_factor=[1.0, 1.5],
            long_factor=[2.0, 3.0],
            original_max_position_embeddings=16,
        ),
    ),
    "qwen3_moe": case(
        "qwen3_moe",
        num_hidden_layers=3,
        num_experts=6,
        num_experts_per_tok=2,
        moe_intermediate_size=12,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        mlp_only_layers=[1],
    ),
}


def randomise(model, generator):
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        centre = 1.0 if "norm" in name and not model.config.model_type.startswith("gemma") else 0.0
        scale = 0.1 if parameter.dim() == 1 else 0.3
        parameter.data = (centre + scale * noise).to(torch.bfloat16).to(torch.float32)


def sequences_of(generator, vocabulary):
    return [torch.randint(3, vocabulary, (length,), generator=generator).tolist() for length in (12, 7)]


def split_experts(tensors):
    """Stacked experts, as transformers 5 holds them, under the names of checkpoints."""
    result = {}
    for name, tensor in tensors.items():
        if name.endswith(".experts.gate_up_proj"):
            prefix = name.removesuffix("gate_up_proj")
            half = tensor.shape[1] // 2
            for index in range(tensor.shape[0]):
                result[f"{prefix}{index}.gate_proj.weight"] = tensor[index, :half]
                result[f"{prefix}{index}.up_proj.weight"] = tensor[index, half:]
        elif name.endswith(".experts.down_proj"):
            prefix = name.removesuffix("down_proj")
            for index in range(tensor.shape[0]):
                result[f"{prefix}{index}.down_proj.weight"] = tensor[index]
        else:
            result[name] = tensor
    return result


def encode(tensor, dtype):
    if dtype == torch.bfloat16:
        return base64.b64encode(tensor.to(dtype).contiguous().view(torch.int16).numpy().tobytes()).decode()
    return base64.b64encode(tensor.to(dtype).contiguous().numpy().tobytes()).decode()


def write(folder, name, config, sequences, logits, losses, tensors, gradients):
    count = sum(len(sequence) - 1 for sequence in sequences)
    fixture = dict(
        recorded_with=dict(torch=torch.__version__, transformers=transformers.__version__, seed=SEED),
        config=config,
        sequences=sequences,
        labels=[[-100] + sequence[1:] for sequence in sequences],
        loss=(sum(losses) / count),
        gradientNorms={key: value.norm().item() for key, value in gradients.items()},
        logits=encode(torch.cat(logits), torch.float32),
        shapes={key: list(value.shape) for key, value in tensors.items()},
        weights={key: encode(value, torch.bfloat16) for key, value in tensors.items()},
    )
    path = Path(folder) / f"{name}.json"
    path.write_text(json.dumps(fixture) + "\n")
    print(name, path.stat().st_size, fixture["loss"])


def run(sequences, forward):
    """Sums of the losses, backward through their mean; logits of each sequence."""
    count = sum(len(sequence) - 1 for sequence in sequences)
    logits, losses = [], []
    for sequence in sequences:
        ids = torch.tensor([sequence])
        out = forward(ids)[0]
        loss = torch.nn.functional.cross_entropy(out[:-1], ids[0, 1:], reduction="sum")
        (loss / count).backward()
        logits.append(out.detach())
        losses.append(loss.item())
    return logits, losses


def record(folder, name, config):
    generator = torch.Generator().manual_seed(SEED)
    loaded = AutoConfig.for_model(**config)
    loaded._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(loaded, attn_implementation="eager").float().eval()
    randomise(model, generator)
    sequences = sequences_of(generator, config["vocab_size"])
    logits, losses = run(sequences, lambda ids: model(ids, use_cache=False).logits)
    parameters = dict(model.named_parameters())
    tensors = split_experts({key: value.data for key, value in parameters.items()})
    zero = lambda value: torch.zeros_like(value) if value.grad is None else value.grad
    gradients = split_experts({key: zero(value) for key, value in parameters.items()})
    write(folder, name, config, sequences, logits, losses, tensors, gradients)


def slopes_of(heads):
    closest = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (h + 1) / closest) for h in range(closest)]
    extra = [2 ** (-4 * (h + 1) / closest) for h in range(0, 2 * closest, 2)]
    return torch.tensor(slopes + extra[: heads - closest])


def record_baichuan(folder):
    """Baichuan2-13B: Llama on position 0 throughout (no rotation), ALiBi in the mask, rows of the head normalised."""
    generator = torch.Generator().manual_seed(SEED)
    heads = 6
    geometry = {**BASE, "num_attention_heads": heads, "num_key_value_heads": heads, "hidden_size": 48}
    model = LlamaForCausalLM._from_config(LlamaConfig(**geometry), attn_implementation="eager").float().eval()
    randomise(model, generator)
    sequences = sequences_of(generator, BASE["vocab_size"])

    def forward(ids):
        length = ids.shape[1]
        distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        mask = -slopes_of(heads)[:, None, None] * distance[None]
        mask = mask.masked_fill(distance[None] < 0, torch.finfo(torch.float32).min)[None]
        hidden = model.model(ids, attention_mask=mask, position_ids=torch.zeros_like(ids), use_cache=False)[0]
        return hidden @ torch.nn.functional.normalize(model.lm_head.weight).T

    logits, losses = run(sequences, forward)

    def pack(values):
        result = {}
        for key, value in values.items():
            if ".q_proj." in key:
                parts = [values[key.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
                result[key.replace("q_proj", "W_pack")] = torch.cat(parts)
            elif ".k_proj." not in key and ".v_proj." not in key:
                result[key] = value
        return result

    parameters = dict(model.named_parameters())
    config = {key: value for key, value in geometry.items() if key not in ("num_key_value_heads", "max_position_embeddings")}
    config = {**config, "model_type": "baichuan", "model_max_length": 64, "z_loss_weight": 0}
    tensors = pack({key: value.data for key, value in parameters.items()})
    gradients = pack({key: value.grad for key, value in parameters.items()})
    write(folder, "baichuan2_13b", config, sequences, logits, losses, tensors, gradients)


def main():
    folder = sys.argv[1]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, config in CASES.items():
        record(folder, name, config)
    record_baichuan(folder)


if __name__ == "__main__":
    main()
