/** Which model is asked: the base, or an adapter on it. */
import { useId } from 'react';
import { useSpeech } from '../state/language.tsx';
import { useServed } from '../state/models.tsx';

interface Props {
  readonly label: string;
  /** Empty: the first. */
  readonly value: string;
  readonly onChange: (id: string) => void;
}

export function ModelSelect({ label, value, onChange }: Props) {
  const { models } = useServed();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value === '' ? (models[0]?.id ?? '') : value}
        onChange={(event) => onChange(event.target.value)}
      >
        {models.map((model) => (
          <option key={model.id} value={model.id}>
            {model.id}
            {model.scale !== null && model.scale !== 1 ? ` × ${model.scale}` : ''}
          </option>
        ))}
        {/* A model of a link that is not served: what is asked then says so. */}
        {value !== '' && !models.some((model) => model.id === value) && <option value={value}>{value}</option>}
      </select>
    </div>
  );
}

/** Adapters that are loaded, with their strength; nothing where there are none. */
export function useModelNames(): readonly string[] {
  return useServed().models.map(({ id }) => id);
}

export function useDefaultPair(): readonly [string, string] {
  const names = useModelNames();
  return [names[0] ?? '', names[1] ?? names[0] ?? ''];
}

export function ModelLabel({
  poem,
}: {
  readonly poem: { readonly model: string; readonly adapter?: string; readonly seed: number };
}) {
  const { say } = useSpeech();
  return (
    <p className="provenance">
      {poem.adapter ?? poem.model} · {say('seed')} {poem.seed}
    </p>
  );
}
