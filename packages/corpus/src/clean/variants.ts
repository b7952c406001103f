/**
 * Characters that are one character in two printings, as pairs "from to". Folded before anything is counted, compared or
 * learnt. Built from opencc-js's single-valued simplified → traditional and shinjitai tables, restricted to what stands in
 * the corpus, with every pair read by eye: a character that is also a word of its own in old texts (里 裏, 云 雲, 后 後,
 * 游 遊, 余 餘, 干 乾 …) is left alone. The target is the form of OpenCC's standard, so that text converted from
 * simplified script and text that came in traditional script meet in the same characters.
 */

/** Strictly simplified characters that slipped into the Song file; the Tang file has none but 静, 来 and 将 (23 poems). */
const SIMPLIFIED_SLIPS = [
  '两兩 义義 亸嚲 侠俠 俩倆 偬傯 偻僂 儿兒 兑兌 删刪 匀勻 单單 卺巹 厘釐 厮廝 呐吶 响響 嘱囑 垅壠 声聲 夹夾 奂奐 妆妝 姗姍 娈孌',
  '婵嬋 媪媼 寻尋 将將 属屬 屡屢 屦屨 帮幫 弑弒 录錄 径徑 惮憚 挝撾 挟挾 掺摻 敚敓 数數 断斷 条條 来來 枧梘 柠檸 栀梔 栅柵 样樣',
  '椮槮 楼樓 殁歿 残殘 殚殫 毵毿 浃浹 浉溮 涚涗 渑澠 渗滲 炉爐 爱愛 牦犛 状狀 狭狹 献獻 环環 瞩矚 硖硤 稆穭 窭窶 笔筆 箓籙 籼秈',
  '糁糝 糍餈 绔絝 聪聰 胜勝 舣艤 芈羋 荚莢 荬蕒 药藥 萧蕭 蒋蔣 蒏醟 蕰薀 蚕蠶 蛱蛺 蝇蠅 蝉蟬 螀螿 襕襴 谢謝 赊賒 赍齎 趋趨 辀輈',
  '郸鄲 钥鑰 钴鈷 钺鉞 链鏈 锧鑕 陕陝 静靜 鱼魚 鳖鱉 鳠鱯 鹴鸘 麦麥 麹麴 黪黲',
].join(' ');

/** Printing variants: PRC new forms, Japanese forms, other glyphs of the same word. */
const PRINT_VARIANTS = [
  '亘亙 侣侶 兹茲 册冊 决決 况況 净淨 凉涼 减減 凭憑 刹剎 剥剝 卧臥 厦廈 厨廚 参參 叙敘 叠疊 吕呂 吴吳 咏詠 唇脣 唤喚 嘘噓 堕墮',
  '壮壯 奥奧 娱娛 宫宮 寝寢 峡峽 峥崢 峰峯 带帶 床牀 廪廩 弃棄 弹彈 强強 彦彥 恒恆 悦悅 惨慘 惬愜 愠慍 戯戲 户戶 抛拋 挂掛 携攜',
  '摇搖 晋晉 晒曬 横橫 毁毀 氲氳 没沒 泪淚 洒灑 涌湧 温溫 溆漵 滚滾 潜潛 潴瀦 烟煙 猪豬 瑶瑤 痒癢 痴癡 盖蓋 盗盜 碍礙 禄祿 禅禪',
  '秃禿 秘祕 税稅 稳穩 笋筍 筝箏 箧篋 粤粵 粽糉 緼縕 羡羨 群羣 耻恥 脉脈 脚腳 脱脫 膻羶 荆荊 莱萊 葱蔥 藴蘊 虚虛 虬虯 虱蝨 蜕蛻',
  '衮袞 装裝 踪蹤 迹跡 遥遙 醖醞 随隨 隐隱 韵韻 黄黃 両兩 乗乘 亀龜 児兒 剣劍 剰剩 勲勳 収收 増增 壊壞 壌壤 奨獎 寛寬 専專 尭堯',
  '巌巖 帯帶 庁廳 従從 徳德 徴徵 恵惠 懐懷 抜拔 挿插 捜搜 掲揭 掻搔 揺搖 撃擊 撹攪 斎齋 晩晚 暁曉 曽曾 様樣 歩步 歳歲 歴歷 殻殼',
  '浄淨 涙淚 渇渴 瀬瀨 為爲 焼燒 犠犧 痩瘦 砕碎 稲稻 穂穗 穏穩 穣穰 緑綠 縁緣 縦縱 繍繡 聴聽 臓臟 荘莊 薫薰 覇霸 覧覽 謡謠 譲讓',
  '豊豐 賛贊 逓遞 遅遲 酔醉 醤醬 醸釀 鉄鐵 銭錢 錬鍊 録錄 関關 閲閱 闘鬭 隠隱 頴穎 頼賴 顔顏 騒騷 髄髓 髪髮 黒黑 黙默 齢齡 却卻',
  '毎每 凄淒 冲沖 眾衆 啟啓 鳬鳧 鷄雞 敎教 綫線 産產 鎸鐫 絶絕 凈淨 鈎鉤 蘓蘇 郷鄉 鄊鄉 巻卷 圏圈 塩鹽 艶艷 鶑鶯 呑吞 﨑崎 苖苗',
  '㦸戟 歛斂 艸草 岩巖 竪豎 鬬鬭 厠廁 奬獎 戱戲 脗吻 厯歷 畵畫 嵗歲 嬾懶 荅答 凴憑 敍敘 冐冒 甞嘗 髙高 槩概 栢柏 葢蓋 鴈雁 鐡鐵',
  '頋顧 囬回 悤匆 恠怪 臯皋 皷鼓 亰京 効效 峩峨 彊強 塲場 墖塔 隣鄰 竒奇 逈迥 斚斝 煑煮 騐驗 鵞鵝 盋鉢 踈疎 觧解 緜綿 隂陰 陁陀',
  '隄堤 氷冰 閙鬧 暎映 讐讎 覔覓 捴總 縂總 呪咒 舘館 摠總 犂犁 蔕蒂 恡吝 悋吝 慿憑 凖準 衞衛 餠餅 襃褒 説說 眞真 靑青 舖鋪 鼹鼴',
  '鼌鼂 鳙鱅 鳊鯿 鳀鯷 鲇鮎 骦驦 馀餘 飨饗 飙飆 飗飀 飔颸 颣纇 颠顛 颜顏 霡霢 隽雋 闻聞 问問 铘鋣 选選 輼轀 谁誰 说說 讫訖 袜襪',
  '衅釁 蟏蠨 虽雖 蒀蒕 莼蓴 莅蒞 腾騰 胆膽 缝縫 缐線 绵綿 经經 纷紛 縆緪 粮糧 窑窯 禀稟 眦眥 琼瓊 猫貓 狝獮 煴熅 焕煥 灾災 灶竈',
  '泞濘 汹洶 毡氈 榝樧 棁梲 梼檮 杰傑 机機 时時 无無 撑撐 揾搵 换換 捝挩 担擔 扑撲 愿願 惧懼 惊驚 怜憐 异異 庄莊 广廣 幂冪 币幣',
  '巩鞏 峣嶢 届屆 媭嬃 复復 壸壼 墙牆 块塊 囱囪 听聽 叁叄 厢廂 刾㓨 别別 凑湊 内內 党黨 兖兗 体體 优優 争爭 乐樂 东東 与與 凛凜',
].join(' ');

function readPairs(pairs: string): Map<string, string> {
  const table = new Map<string, string>();
  for (const pair of pairs.split(' ')) {
    const [from, to] = [...pair];
    table.set(from!, to!);
  }
  return table;
}

/** From → to. */
export const simplifiedSlips: ReadonlyMap<string, string> = readPairs(SIMPLIFIED_SLIPS);

/** From → to. */
export const printVariants: ReadonlyMap<string, string> = readPairs(PRINT_VARIANTS);
