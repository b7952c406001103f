/**
 * Adapters at run time. `load_lora_adapter` and `unload_lora_adapter` are vLLM's, `lora-adapters` is llama.cpp's; what
 * those have and we do not (`lora_int_id`, `task_name`, …) is ignored.
 */
import * as z from 'zod';

/** Beyond this an adapter says nothing any more. */
const MAX_SCALE = 10;
const MAX_SCALED = 256;
/** Names stand in addresses and beside `:scale`. */
const adapterName = z
  .string()
  .regex(/^[^\s/\\=:@]{1,100}$/u, 'a name of at most 100 characters without spaces and / \\ = : @');
const scale = z.number().min(0).max(MAX_SCALE);

/** `POST /v1/load_lora_adapter` */
export const loadAdapterRequest = z.object({
  lora_name: adapterName,
  /** A PEFT folder of the server's machine. */
  lora_path: z.string().min(1).max(4096),
  /** Ours: how strong, 1 as trained. */
  scale: scale.optional(),
  /** Takes the place of the adapter of that name, if there is one. */
  load_inplace: z.boolean().nullish(),
});

/** `POST /v1/unload_lora_adapter` */
export const unloadAdapterRequest = z.object({ lora_name: z.string().min(1) });

/** `POST /lora-adapters`: `id` counts as `GET` lists, or is the name. */
export const scaleAdaptersRequest = z
  .array(z.object({ id: z.union([z.int().min(0), z.string().min(1)]), scale }))
  .min(1)
  .max(MAX_SCALED);

/** One entry of `GET /lora-adapters`. */
export interface AdapterEntry {
  readonly id: number;
  readonly path: string;
  readonly scale: number;
  /** Ours: the name that `model` of a request chooses it by. */
  readonly name: string;
}
