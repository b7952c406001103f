// Characters that say the same in verse, for 合掌: own list, simplified, a row for one meaning. Kept narrow on purpose:
// what merely belongs together (山 and 水, 花 and 草) faces each other in every good couplet.

export const SYNONYMS =
  '闻听聆 看望见视观瞻睹 行走步 去往赴 来至到 归还回返 舟船艇舸舫 路途道径 愁忧 悲哀 泪涕 眠睡寝 客旅宾 夕暮晚昏暝 ' +
  '晓曙旦朝晨旭 夜宵 岁年载 寒冷 暖温 热暑炎 清澄澈 静寂幽 喧噪鸣 逾更愈 犹尚仍 已既 皆俱 独孤单 远遥迢 旧故 欢喜乐 ' +
  '怨恨 思念忆怀 忽俄 唯惟只但 常恒 红丹朱赤 白素皓 碧青绿翠苍 黑玄 香馨芳 光辉 声音响 语言话 歌唱吟咏 国邦 屋舍房庐 ' +
  '门户扉 窗牖 床榻 衣裳 杯盏觞 山岳 海溟 月蟾 日阳 树木 枝条 鸟禽 雁鸿 莺鹂 犬狗 天霄穹 病疾 死亡殁 飞翔 落坠 入进 ' +
  '开启 闭掩 采摘 种植 饮酌 食餐 别离 逢遇 怜惜爱 笑哂 哭泣 多众 大巨 小微细 长修 深邃 曲弯 明亮 暗晦冥 空虚 满盈 ' +
  '断绝 连接 古昔';
