"""Records AdapterHub's bottleneck adapters over a tiny random Llama, as fixtures of packages/tune.

Run by a developer, in an environment with torch, adapters 1.3 and the transformers it asks for (4.57):

    python tools/golden/record_bottleneck.py packages/tune/test/fixtures/bottleneck

The fixture: base/ as save_pretrained writes it; a folder for each configuration (double_seq_bn: Houlsby 2019, after
attention and feed-forward; seq_bn: Pfeiffer 2020, after the feed-forward) with adapter/ as save_adapter writes it and
case.json with two sequences, and logits, loss and the adapter's gradients in float32 with eager attention.
"""

import json
import sys
from pathlib import Path

import adapters
import torch
import transformers
from adapters import DoubleSeqBnConfig, SeqBnConfig
from transformers import AutoConfig, AutoModelForCausalLM

SEED = 20242
folder = Path(sys.argv[1])
sequences = [[7, 13, 12, 8, 7, 9, 10], [12, 5, 14, 13, 6]]
prompts = [3, 2]


def rounded(tensor):
    return [round(x, 8) for x in tensor.flatten().tolist()]


torch.manual_seed(SEED)
config = AutoConfig.for_model(
    "llama",
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
    initializer_range=0.3,
)
base = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32)
base.save_pretrained(folder / "base")
(folder / "base" / "generation_config.json").unlink(missing_ok=True)

configurations = dict(
    double_seq_bn=DoubleSeqBnConfig(reduction_factor=4, scaling=0.7),
    seq_bn=SeqBnConfig(reduction_factor=4, scaling=1.5),
)
for name, configuration in configurations.items():
    model = AutoModelForCausalLM.from_pretrained(folder / "base", attn_implementation="eager", dtype=torch.float32)
    adapters.init(model)
    model.add_adapter("verse", config=configuration)
    model.train_adapter("verse")
    model.eval()
    trained = {key: value for key, value in model.named_parameters() if ".adapters.verse." in key}
    for value in trained.values():
        torch.nn.init.normal_(value, std=0.4)
    logits, losses = [], []
    for ids, prompt in zip(sequences, prompts):
        out = model(input_ids=torch.tensor([ids])).logits[0]
        logits += rounded(out.detach())
        losses.append(torch.nn.functional.cross_entropy(out[prompt - 1 : -1], torch.tensor(ids[prompt:]), reduction="sum"))
    loss = sum(losses) / sum(len(ids) - prompt for ids, prompt in zip(sequences, prompts))
    loss.backward()
    (folder / name).mkdir(exist_ok=True)
    model.save_adapter(str(folder / name / "adapter"), "verse", use_safetensors=True)
    for extra in (folder / name / "adapter").glob("*head*"):
        extra.unlink()
    case = dict(
        recorded_with=dict(
            adapters=adapters.__version__, transformers=transformers.__version__, torch=torch.__version__, seed=SEED
        ),
        sequences=sequences,
        prompts=prompts,
        logits=logits,
        loss=float(loss),
        gradients={key: rounded(value.grad) for key, value in trained.items()},
    )
    (folder / name / "case.json").write_text(json.dumps(case) + "\n")
