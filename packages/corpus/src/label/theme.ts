/**
 * A weak theme from the title, by patterns on traditional titles; the first that fits is the label. Shares are agreement with
 * curated tags where a poem has both. Patterns that agree below 30 % (drinking, painting and music, immortals, homesickness)
 * are left out: a wrong label teaches more than a missing one.
 */

interface ThemeRule {
  readonly theme: string;
  readonly pattern: RegExp;
  /** Agreement with curated tags; null where no tag exists to compare with and the title says it outright. */
  readonly agreement: number | null;
}

export const THEME_RULES: readonly ThemeRule[] = [
  { theme: '送别', pattern: /送|別|餞/u, agreement: 0.85 },
  { theme: '悼亡', pattern: /挽|輓|悼|哭/u, agreement: null },
  { theme: '唱酬', pattern: /次韻|和韻|酬|奉和|依韻|用韻|和.{1,6}韻|答/u, agreement: null },
  { theme: '寄赠', pattern: /寄|贈|呈|簡|柬|投/u, agreement: null },
  { theme: '怀古', pattern: /懷古|詠史|故宮|舊宅|遺跡|弔古|弔|吊/u, agreement: 0.95 },
  {
    theme: '边塞',
    pattern: /塞下|塞上|出塞|入塞|從軍|涼州詞|邊|胡笳|燕歌行|關山月|戰/u,
    agreement: 0.81,
  },
  { theme: '闺怨', pattern: /閨|宮詞|宮怨|怨|春思|秋思|長門|昭君|婕妤|子夜/u, agreement: 0.54 },
  {
    theme: '节令',
    pattern:
      /元日|人日|上元|元夕|寒食|清明|端午|七夕|中秋|九日|重九|重陽|除夜|除夕|歲除|守歲|冬至|立春|社日|上巳|三月三日|元宵/u,
    agreement: 0.93,
  },
  { theme: '田园', pattern: /田家|田園|村|山居|閒居|閑居|幽居|隱|漁父|樵|歸田|農/u, agreement: 0.6 },
  {
    theme: '咏物',
    pattern:
      /^(詠|賦得|賦).{1,4}$|^(梅花?|竹|菊花?|蓮花?|荷花?|蘭|松|柳|牡丹|海棠|桃花|杏花|梨花|雁|蟬|燕|鶴|鷺|雪|雨|月|螢|蝶|鶯|落花|紅梅|酴醾|芍藥|水仙|石榴|茶|筆|硯|扇)([二三四五六七八九十]首)?/u,
    agreement: 0.61,
  },
  {
    theme: '写景',
    pattern:
      /登|望|遊|游|題.{0,10}[寺院觀亭樓閣臺堂軒山庵]|山行|過|溪|湖|江|早行|晚眺|春日|秋日|夏日|冬日|晚春|早春|暮春|初夏|早秋|秋夜|春夜|雨後|雪/u,
    agreement: 0.61,
  },
];

/** @param title folded traditional title */
export function themeOfTitle(title: string): string | null {
  for (const { theme, pattern } of THEME_RULES) if (pattern.test(title)) return theme;
  return null;
}
