/**
 * What runs in the reader's browser. Put into the page as text (`toString`), so it uses nothing from outside itself.
 */

interface Field {
  value: string;
  checked?: boolean;
  readonly type: string;
  readonly dataset: { readonly field?: string; readonly id?: string };
  closest(selector: string): Field | null;
  addEventListener(type: string, listener: () => void): void;
  textContent: string | null;
}

interface Page {
  readonly document: {
    getElementById(id: string): Field;
    querySelectorAll(selector: string): Iterable<Field>;
    createElement(tag: 'a'): { href: string; download: string; click(): void };
  };
  readonly localStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
  readonly Blob: new (parts: string[], options: { type: string }) => unknown;
  readonly URL: { createObjectURL(blob: unknown): string; revokeObjectURL(url: string): void };
}

interface Data {
  readonly id: string;
  readonly criteria: readonly string[];
  readonly items: readonly { id: string; form: string; title?: string; left: string; right: string }[];
}

/** Remembers what is filled in, counts it, and saves it as a sheet. */
export function runReviewPage(page: Page): void {
  const data = JSON.parse(page.document.getElementById('review-data').textContent ?? '') as Data;
  const storeKey = `tuiqiao-review-${data.id}`;
  let filled: Record<string, Record<string, string>> = {};
  const reader = page.document.getElementById('reader');
  // Some browsers keep nothing for pages opened from a file: the review then lasts as long as the page is open.
  try {
    const stored = JSON.parse(page.localStorage.getItem(storeKey) ?? '{}');
    filled = stored.filled ?? {};
    reader.value = stored.reader ?? '';
  } catch {}
  const keep = (): void => {
    try {
      page.localStorage.setItem(storeKey, JSON.stringify({ filled, reader: reader.value }));
    } catch {}
    const done = data.items.filter(({ id }) => filled[id]?.preference).length;
    page.document.getElementById('done').textContent = String(done);
  };
  for (const field of page.document.querySelectorAll('[data-field]')) {
    const id = field.closest('[data-id]')?.dataset.id ?? '';
    const name = field.dataset.field ?? '';
    const known = filled[id]?.[name];
    if (known !== undefined) {
      if (field.type === 'radio') field.checked = field.value === known;
      else field.value = known;
    }
    field.addEventListener('change', () => {
      filled[id] = { ...filled[id], [name]: field.value };
      keep();
    });
  }
  reader.addEventListener('input', keep);
  page.document.getElementById('save').addEventListener('click', () => {
    const scores = ['left', 'right'].flatMap((side) => data.criteria.map((criterion) => `${side}_${criterion}`));
    const cell = (text: string): string => {
      const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
      return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
    };
    const rows = data.items.map(({ id, form, title, left, right }) => {
      const own = filled[id] ?? {};
      return [
        id,
        form,
        title ?? '',
        left,
        right,
        ...scores.map((name) => own[name] ?? ''),
        own.preference ?? '',
        reader.value,
      ];
    });
    const header = ['id', 'form', 'title', 'left', 'right', ...scores, 'preference', 'reader'];
    const text = `\uFEFF${[header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
    const url = page.URL.createObjectURL(new page.Blob([text], { type: 'text/csv;charset=utf-8' }));
    const link = page.document.createElement('a');
    link.href = url;
    link.download = `review-${reader.value || 'reader'}.csv`;
    link.click();
    page.URL.revokeObjectURL(url);
  });
  keep();
}
