"""Records PEFT's prefix tuning over a tiny random Qwen3, as a fixture of packages/tune.

Run by a developer, in an environment with torch, transformers 5.x and peft 0.21:

    python tools/golden/record_prefix.py packages/tune/test/fixtures/prefix_tuning

The fixture: base/ and adapter/ as save_pretrained writes them; case.json with two sequences, and logits, loss and the
prefix's gradient in float32 with eager attention.
"""

import json
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import PrefixTuningConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

SEED = 20241
torch.manual_seed(SEED)
folder = Path(sys.argv[1])
config = AutoConfig.for_model(
    "qwen3",
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=6,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=True,
    initializer_range=0.3,
)
base = AutoModelForCausalLM.from_config(config, attn_implementation="eager", torch_dtype=torch.float32)
base.save_pretrained(folder / "base")
model = get_peft_model(base, PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
weight = model.prompt_encoder["default"].embedding.weight
sequences = [[7, 13, 12, 8, 7, 9, 10], [12, 5, 14, 13, 6]]
prompts = [3, 2]
logits = []
losses = []
for ids, prompt in zip(sequences, prompts):
    out = model(input_ids=torch.tensor([ids])).logits[0]
    logits.append(out.detach().tolist())
    losses.append(torch.nn.functional.cross_entropy(out[prompt - 1 : -1], torch.tensor(ids[prompt:]), reduction="sum"))
loss = sum(losses) / sum(len(ids) - prompt for ids, prompt in zip(sequences, prompts))
loss.backward()
model.save_pretrained(folder / "adapter")
(folder / "adapter" / "README.md").unlink(missing_ok=True)
(folder / "base" / "generation_config.json").unlink(missing_ok=True)
case = dict(
    recorded_with=dict(peft=peft.__version__, transformers=transformers.__version__, torch=torch.__version__, seed=SEED),
    sequences=sequences,
    prompts=prompts,
    logits=[[[round(x, 7) for x in row] for row in rows] for rows in logits],
    loss=float(loss),
    gradient=[[round(x, 8) for x in row] for row in weight.grad.tolist()],
)
(folder / "case.json").write_text(json.dumps(case) + "\n")
