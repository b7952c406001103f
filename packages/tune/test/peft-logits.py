"""Prints the logits of each adapter folder on a base model as PEFT computes them, in f32: JSON, one list a folder."""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, ids, *adapters = sys.argv[1:]
torch.set_num_threads(1)
results = []
for adapter in adapters:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    model = PeftModel.from_pretrained(model, adapter).eval()
    with torch.no_grad():
        results.append(model(torch.tensor([json.loads(ids)])).logits.flatten().tolist())
print(json.dumps(results))
