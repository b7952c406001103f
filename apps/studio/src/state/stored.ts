/** State that is still there after the page was closed; nothing of it leaves this browser. */
import { type Dispatch, type SetStateAction, useEffect, useState } from 'react';

const PREFIX = 'tuiqiao.';

function read<Value>(name: string, initial: Value): Value {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? initial : (JSON.parse(text) as Value);
  } catch {
    // Private windows may have no storage: the page works, and forgets.
    return initial;
  }
}

export function useStored<Value>(name: string, initial: Value): [Value, Dispatch<SetStateAction<Value>>] {
  const [value, setValue] = useState(() => read(name, initial));
  useEffect(() => {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // Full or forbidden: as above.
    }
  }, [name, value]);
  return [value, setValue];
}
