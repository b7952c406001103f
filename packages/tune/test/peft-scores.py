"""Prints the scores of each sequence as Transformers and PEFT compute them for a reward model folder, in f32: JSON."""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

base, sequences, adapter = sys.argv[1:]
torch.set_num_threads(1)
model = AutoModelForSequenceClassification.from_pretrained(
    base, num_labels=1, dtype=torch.float32, attn_implementation="eager"
)
model = PeftModel.from_pretrained(model, adapter).eval()
scores = []
with torch.no_grad():
    for ids in json.loads(sequences):
        # The first token's id is no padding here: the last token is the one read, alone in its batch.
        model.config.pad_token_id = None
        scores.append(model(torch.tensor([ids])).logits.item())
print(json.dumps(scores))
