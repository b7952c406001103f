"""Saves a LoRA adapter on all linear layers of a base model, as PEFT makes it, with random numbers in B."""

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

base, folder = sys.argv[1:]
torch.manual_seed(7)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=2, lora_alpha=5, target_modules="all-linear", task_type="CAUSAL_LM"))
for name, parameter in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter, std=0.3)
model.save_pretrained(folder)
