"""The other side of `npm run bench`: the same work, on the same token ids, with torch, transformers, peft and trl.

    python peer.py versions
    python peer.py TASK WORKLOAD.json        TASK: sft, sft-checkpointing, sft-qlora, sft-trl, dpo, dpo-inline,
                                             grpo-trl, decode, pretrain

WORKLOAD holds the model folder or config, the token ids and how many steps to run and to time; it is written by
tools/bench/peers.mjs. The answer is one line of JSON: a list of laps in seconds with the share of a core that other
processes took meanwhile, the amount of work in a lap, and the peak memory of the process in megabytes.

`sft` is the strongest loop that was found by hand: samples of similar length in a batch, the head at label positions only,
bf16 weights, f32 adapters; `sft-qlora` is the same over a base in NF4 with double quantisation (bitsandbytes). `dpo` and
`dpo-inline` are such loops too, the reference computed before training or in each step. `sft-trl` and `grpo-trl` are what
people run: SFTTrainer with its own collator, and GRPOTrainer.
"""
import importlib.metadata
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F


def processor_seconds():
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    user, nice, system, _, _, interrupt, soft, stolen = fields
    return (user + nice + system + interrupt + soft + stolen) / os.sysconf("SC_CLK_TCK")


class Laps:
    """Wall time and foreign load of each lap."""

    def __init__(self):
        self.laps = []

    def __enter__(self):
        self.start, self.busy, self.own = time.perf_counter(), processor_seconds(), time.process_time()
        return self

    def __exit__(self, *_):
        seconds = time.perf_counter() - self.start
        foreign = processor_seconds() - self.busy - (time.process_time() - self.own)
        self.laps.append({"seconds": seconds, "foreignCores": max(0.0, foreign) / seconds})


def versions():
    names = ["torch", "transformers", "peft", "trl", "bitsandbytes"]
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def load_with_adapter(work, quantizes=False):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantization = None
    if quantizes:
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    model = AutoModelForCausalLM.from_pretrained(
        work["model"], dtype=torch.bfloat16, quantization_config=quantization
    )
    model.config.use_cache = False
    lora = LoraConfig(r=work["rank"], lora_alpha=2 * work["rank"], target_modules="all-linear", task_type="CAUSAL_LM")
    return model, lora, get_peft_model


def padded(samples):
    longest = max(len(ids) for ids, _ in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    mask = torch.zeros(len(samples), longest, dtype=torch.long)
    labels = torch.full((len(samples), longest), -100)
    for row, (sample, prompt) in enumerate(samples):
        ids[row, : len(sample)] = torch.tensor(sample)
        mask[row, : len(sample)] = 1
        labels[row, prompt : len(sample)] = ids[row, prompt : len(sample)]
    return ids, mask, labels


def sft(work, uses_checkpoints=False, quantizes=False):
    model, lora, adapt = load_with_adapter(work, quantizes)
    model = adapt(model, lora)
    if uses_checkpoints:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    model.train()
    # peft keeps the adapters' masters in f32 by itself.
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    base = model.get_base_model()
    laps = Laps()
    for batch in work["batches"]:
        with laps:
            ids, mask, labels = padded(batch)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = base.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1]
                wanted = labels[:, 1:] != -100
                logits = base.lm_head(hidden[wanted])
                loss = F.cross_entropy(logits.float(), labels[:, 1:][wanted])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return laps.laps[work["warmUp"] :]


def dpo(work, is_inline):
    model, lora, adapt = load_with_adapter(work)
    model = adapt(model, lora)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    base = model.get_base_model()

    def scores(ids, mask, labels):
        wanted = labels[:, 1:] != -100
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = base.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1]
            logits = base.lm_head(hidden[wanted])
        each = -F.cross_entropy(logits.float(), labels[:, 1:][wanted], reduction="none")
        return torch.zeros(wanted.shape).masked_scatter(wanted, each).sum(1)

    def reference(batch):
        with torch.no_grad(), model.disable_adapter():
            return scores(*padded(batch))

    # Of a batch, the chosen answers first.
    known = None if is_inline else [reference(batch) for batch in work["batches"]]
    laps = Laps()
    for index, batch in enumerate(work["batches"]):
        with laps:
            before = reference(batch) if known is None else known[index]
            gain = 0.1 * (scores(*padded(batch)) - before)
            half = len(batch) // 2
            loss = -F.logsigmoid(gain[:half] - gain[half:]).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return laps.laps[work["warmUp"] :]


def numbered_tokenizer(size):
    """Token i is the word t<i>: prompts given as ids come out as the same ids."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(size)}, unk_token="t0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=f"t{size - 2}", eos_token=f"t{size - 1}", padding_side="left"
    )


def grpo_trl(work):
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    model, lora, _ = load_with_adapter(work)
    model.config.use_cache = True
    laps = Laps()

    class Timer(TrainerCallback):
        def on_step_begin(self, *_, **__):
            if not laps.laps:
                laps.__enter__()

        def on_step_end(self, *_, **__):
            laps.__exit__()
            laps.__enter__()

    def reward(completions, **_):
        return [float(len(set(text)) % 7) for text in completions]

    size = work["groupSize"] * work["promptsPerStep"]
    settings = GRPOConfig(
        output_dir=work["scratch"],
        per_device_train_batch_size=size,
        num_generations=work["groupSize"],
        max_completion_length=work["newTokens"],
        generation_kwargs={"min_new_tokens": work["newTokens"]},
        max_steps=work["steps"],
        learning_rate=work["learningRate"],
        beta=0.0,
        temperature=1.0,
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    prompts = [" ".join(f"t{i}" for i in ids) for ids in work["prompts"]]
    GRPOTrainer(
        model=model,
        args=settings,
        reward_funcs=reward,
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=numbered_tokenizer(model.config.vocab_size),
        peft_config=lora,
        callbacks=[Timer()],
    ).train()
    return laps.laps[work["warmUp"] :]


def sft_trl(work):
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    model, lora, _ = load_with_adapter(work)
    laps = Laps()

    class Timer(TrainerCallback):
        def on_step_begin(self, *_, **__):
            laps.__enter__()

        def on_step_end(self, *_, **__):
            laps.__exit__()

    samples = [sample for batch in work["batches"] for sample in batch]
    rows = [{"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]} for ids, prompt in samples]
    settings = SFTConfig(
        output_dir=work["scratch"],
        per_device_train_batch_size=len(work["batches"][0]),
        max_steps=len(work["batches"]),
        learning_rate=1e-4,
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
    )
    from transformers import PreTrainedTokenizerFast
    from tokenizers import Tokenizer, models

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, "<pad>")))
    tokenizer.pad_token, tokenizer.eos_token = "<pad>", "<eos>"
    SFTTrainer(
        model=model,
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[Timer()],
    ).train()
    return laps.laps[work["warmUp"] :]


@torch.no_grad()
def decode(work):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(work["model"], dtype=torch.bfloat16).eval()
    prompts = torch.tensor(work["prompts"])
    laps = Laps()
    for _ in range(work["warmUp"] + work["repetitions"]):
        with laps:
            model.generate(
                input_ids=prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=work["newTokens"],
                min_new_tokens=work["newTokens"],
                do_sample=True,
                temperature=0.8,
                top_k=0,
                pad_token_id=0,
            )
    return laps.laps[work["warmUp"] :]


def pretrain(work):
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    model = Qwen3ForCausalLM(Qwen3Config(**work["config"]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1)
    if work["compiles"]:
        model.model = torch.compile(model.model)
    laps = Laps()
    for batch in work["batches"]:
        with laps:
            ids = torch.tensor(batch)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = model.model(input_ids=ids[:, :-1]).last_hidden_state
                logits = model.lm_head(hidden)
                loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return laps.laps[work["warmUp"] :]


def main():
    task = sys.argv[1]
    if task == "versions":
        print(json.dumps(versions()))
        return
    with open(sys.argv[2]) as file:
        work = json.load(file)
    torch.set_num_threads(work["threads"])
    tasks = {
        "sft": sft,
        "sft-checkpointing": lambda w: sft(w, uses_checkpoints=True),
        "sft-qlora": lambda w: sft(w, quantizes=True),
        "sft-trl": sft_trl,
        "dpo": lambda w: dpo(w, is_inline=False),
        "dpo-inline": lambda w: dpo(w, is_inline=True),
        "grpo-trl": grpo_trl,
        "decode": decode,
        "pretrain": pretrain,
    }
    laps = tasks[task](work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"laps": laps, "peakMegabytes": peak / (1024 if sys.platform == "linux" else 1 << 20)}))


if __name__ == "__main__":
    main()
