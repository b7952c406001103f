import { describe, expect, it } from 'vitest';
import { html, raw, scriptJson } from './html.ts';

describe('html', () => {
  it('escapes text in content and in attributes', () => {
    expect(html`<p title="${'"><script>'}">${"a & b's"}</p>`.markup).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">a &amp; b&#39;s</p>',
    );
  });
  it('keeps markup made by itself, joins lists and writes nothing for null, undefined and false', () => {
    const items = ['<1>', 2].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}${null}${undefined}${false}${0}</ul>`.markup).toBe(
      '<ul><li>&lt;1&gt;</li><li>2</li>0</ul>',
    );
    expect(html`${raw('<b>')}`.markup).toBe('<b>');
  });
});

describe('scriptJson', () => {
  it('cannot end its script element and reads back as it was', () => {
    const value = { text: '</script><!-- & \u2028' };
    const { markup } = scriptJson(value);
    expect(markup).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(markup)).toEqual(value);
  });
});
