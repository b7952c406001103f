"""Records tiny random models as llama.cpp's own converter writes them, with what transformers computes for them, as
fixtures of packages/lm.

Run by a developer, in an environment with torch 2.11 and transformers 5.x, beside a llama.cpp source tree:

    python tools/golden/record_gguf.py LLAMA_CPP packages/lm/test/fixtures/gguf

Each fixture: NAME.gguf, matrices in BF16 (which their values are), and NAME.json with sequences and logits in float32 with eager attention. The
vocabulary in the file is made up; everything else is the converter's.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from record_families import BASE, SEED, encode, randomise, sequences_of
from transformers import AutoConfig, AutoModelForCausalLM

PLAIN = {**BASE, "hidden_size": 32, "intermediate_size": 24}


def case(model_type, **changes):
    return {**PLAIN, **changes, "model_type": model_type}


GEMMA = dict(tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh", head_dim=12)
CASES = {
    "llama": case(
        "llama",
        rope_parameters=dict(
            rope_type="llama3",
            rope_theta=10000.0,
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    "qwen3": case("qwen3", head_dim=12),
    "qwen3moe": case(
        "qwen3_moe",
        head_dim=12,
        num_experts=5,
        num_experts_per_tok=2,
        moe_intermediate_size=20,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        mlp_only_layers=[],
    ),
    "gemma": case("gemma", **GEMMA),
    "gemma2": case(
        "gemma2",
        **GEMMA,
        num_hidden_layers=3,
        sliding_window=4,
        query_pre_attn_scalar=12,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0,
    ),
    "gemma3": case(
        "gemma3_text",
        **GEMMA,
        hidden_size=16,
        num_hidden_layers=7,
        sliding_window=4,
        query_pre_attn_scalar=12,
        layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    ),
    "phi3": case(
        "phi3",
        sliding_window=5,
        original_max_position_embeddings=8,
        rope_parameters=dict(
            rope_type="longrope",
            rope_theta=10000.0,
            partial_rotary_factor=0.5,
            short_factor=[1.0, 1.5],
            long_factor=[2.0, 3.0],
            original_max_position_embeddings=8,
        ),
    ),
    "chatglm": case("glm", partial_rotary_factor=0.5, attention_bias=True, rms_norm_eps=1e-5),
    "glm4": case("glm4", partial_rotary_factor=0.5, attention_bias=True),
    "olmo2": case("olmo2"),
}
# Converted with --fuse-qkv as well.
FUSED = ("llama",)


def set_vocab(self):
    size = self.hparams["vocab_size"]
    tokens = ["<pad>", "<bos>", "<eos>"] + [chr(0x4E00 + i) for i in range(size - 3)]
    self.gguf_writer.add_tokenizer_model("llama")
    self.gguf_writer.add_token_list(tokens)
    self.gguf_writer.add_token_scores([0.0] * size)
    self.gguf_writer.add_token_types([3, 3, 3] + [1] * (size - 3))
    self.gguf_writer.add_bos_token_id(1)
    self.gguf_writer.add_eos_token_id(2)
    self.gguf_writer.add_add_space_prefix(False)


def convert(folder, file, architecture, is_fused):
    import conversion
    import gguf

    kind = conversion.get_model_class(architecture)
    kind.set_vocab = set_vocab
    with torch.inference_mode():
        kind(Path(folder), gguf.LlamaFileType.MOSTLY_BF16, Path(file), eager=True, model_name="tiny", fuse_qkv=is_fused).write()


def record(folder, name, config, is_fused=False):
    generator = torch.Generator().manual_seed(SEED)
    loaded = AutoConfig.for_model(**config)
    model = AutoModelForCausalLM.from_config(loaded, attn_implementation="eager").float().eval()
    randomise(model, generator)
    sequences = sequences_of(generator, config["vocab_size"])
    with torch.no_grad():
        logits = [model(torch.tensor([sequence]), use_cache=False).logits[0] for sequence in sequences]
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        # The converter of Gemma 3 counts the tokens of this file.
        vocabulary = {"model": {"vocab": {str(i): i for i in range(config["vocab_size"])}}, "added_tokens": []}
        (Path(saved) / "tokenizer.json").write_text(json.dumps(vocabulary))
        convert(saved, folder / f"{name}.gguf", type(model).__name__, is_fused)
    fixture = dict(
        recorded_with=dict(torch=torch.__version__, transformers=transformers.__version__, seed=SEED),
        config=config,
        sequences=sequences,
        logits=encode(torch.cat(logits), torch.float32),
    )
    (folder / f"{name}.json").write_text(json.dumps(fixture) + "\n")
    print(name, (folder / f"{name}.gguf").stat().st_size)


def main():
    sys.path[:0] = [sys.argv[1], f"{sys.argv[1]}/gguf-py"]
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in CASES.items():
        record(folder, name, config)
    for name in FUSED:
        record(folder, f"{name}_fused", CASES[name], is_fused=True)


main()
