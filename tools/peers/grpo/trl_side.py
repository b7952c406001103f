"""TRL's side of the comparison: GRPOTrainer on the processor, with a LoRA adapter on the same model folder."""
import json
import resource
import sys
import tempfile
import time

import peft
import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

task = json.load(open(sys.argv[1], encoding="utf-8"))
torch.set_num_threads(task["threads"])

tokenizer = AutoTokenizer.from_pretrained(task["model"])
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32)


def distinct(completions, **_):
    """The share of different characters."""
    return [len(set(text)) / task["completionTokens"] for text in completions]


class Clock(TrainerCallback):
    def __init__(self):
        self.laps = []
        self.cpu_laps = []
        self.last = None
        self.last_cpu = None

    def on_train_begin(self, *_args, **_kwargs):
        self.last = time.perf_counter()
        self.last_cpu = time.process_time()

    def on_step_end(self, *_args, **_kwargs):
        now, cpu = time.perf_counter(), time.process_time()
        self.laps.append(now - self.last)
        self.cpu_laps.append(cpu - self.last_cpu)
        self.last, self.last_cpu = now, cpu


clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=distinct,
        train_dataset=Dataset.from_dict({"prompt": task["prompts"] * task["steps"]}),
        peft_config=LoraConfig(
            r=task["rank"],
            lora_alpha=task["alpha"],
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[clock],
        args=GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=True,
            per_device_train_batch_size=task["completionsPerStep"],
            num_generations=task["groupSize"],
            steps_per_generation=1,
            max_completion_length=task["completionTokens"],
            # The same length for every completion, as on our side.
            generation_kwargs={"min_new_tokens": task["completionTokens"]},
            max_steps=task["steps"],
            learning_rate=task["learningRate"],
            lr_scheduler_type="constant",
            beta=task["beta"],
            epsilon=task["epsilon"],
            loss_type="dapo",
            temperature=task["temperature"],
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=task["seed"],
        ),
    )
    trainer.train()

used = resource.getrusage(resource.RUSAGE_SELF)
json.dump(
    {
        "stepSeconds": clock.laps,
        "stepCpuSeconds": clock.cpu_laps,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "versions": {
            "trl": trl.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "torch": torch.__version__,
        },
    },
    open(sys.argv[2], "w", encoding="utf-8"),
)
