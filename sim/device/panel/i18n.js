// Words of the panel. Names of menu items and buttons that the requirements fix stay as
// they are in both languages, with the Chinese beside them.
const zh = {
  title: "智柜 · 虚拟设备", connected: "已连接", disconnected: "连接中断", otherLang: "English",
  power: "电源", powerCut: "断电", powerRestore: "上电", closeDevice: "关闭设备", openDevice: "打开设备", status: "设备状态", exit: "退出程序",
  off: "已断电", closed: "已关闭（不应答）", ended: "已退出", portGone: "串口已消失", ready: "工作中",
  position: "卡位置", outside: "机外", mouth: "卡口", inside: "机内", retained: "吞卡箱", entry: "进卡许可", none: "无", all: "全部", mag: "仅磁卡", ic: "仅 IC 卡", both: "IC+磁卡",
  retainCount: "吞卡计数", bin: "吞卡箱", emptyBin: "清空吞卡箱", card: "卡片", waitInsert: "等待插卡", waitTake: "请取卡", initialised: "已初始化", notInitialised: "未初始化",
  CardInfo: "卡信息", Status: "状态", ErrorSimulating: "错误模拟", InsertCard: "插卡", TakeCard: "取卡", CommandSet: "命令设置", CloseDevice: "关闭设备", OpenDevice: "打开设备", AboutVirDev: "关于", ExitProgram: "退出程序",
  notInMode: "此模式下不可用", cardName: "卡名", selectCard: "选择卡", track: "磁道", invalidCard: "非法卡", magCard: "磁卡", icCard: "IC 卡", insertNow: "插入卡片", noCommand: "尚未收到插卡命令", gotCommand: "已收到插卡命令，请插卡", dblclick: "双击恢复", takeAway: "取走卡", notTake: "不取卡",
  takeQuestion: "卡片在卡口，是否取走？", noCardAtMouth: "卡口没有卡", note: "备注", add: "新增", save: "保存", del: "删除", close: "关闭", sure: "确定退出此虚拟设备？",
  upper: "上钞箱", lower: "下钞箱", notes: "张", yuan: "元", nearEnd: "将尽", absent: "缺失", path: "通道", atExit: "出钞口", rejectTray: "废钞箱", takeCash: "取走钞票", fill: "装钞", remove: "取出钞箱", emptyReject: "清空废钞箱", exitEmpty: "出口无钞", moving: "走钞中",
  truth: "每次出钞实际结果", cmd: "命令", asked: "请求", given: "吐出", taken: "已取", rejected: "拒钞", retracted: "回收", result: "结果",
  entering: "请输入密码", plain: "明文输入", keyIdle: "键盘未启用", digits: "已输入位数", pinReady: "密码已就绪", keys: "密钥", loseKeys: "清除全部密钥", exchangePad: "换一台密码键盘", enter: "确认", cancel: "取消", clear: "更正", nonProd: "非生产设备：仅限测试密钥",
  paper: "纸卷", mm: "毫米", atExitTicket: "出纸口有凭条", tearOff: "撕下凭条", loadPaper: "装纸", cover: "机盖", openCover: "打开机盖", closeCover: "合上机盖", lastReceipts: "最近凭条", noReceipt: "尚无凭条", halted: "打印暂停", isOpen: "打开", isClosed: "关闭", goneTaken: "已取走", goneDropped: "已落出", goneRetracted: "已回收",
  bookName: "存折", page: "页", insertPassbook: "放入存折", takePassbook: "取走存折", clearBook: "人工取出",
  stacker: "发卡箱", empty: "空", few: "将尽", enough: "充足", at_path: "通道", at_ic: "IC 位", at_rf: "射频位", at_gate: "卡口", takeCard: "取走卡", insertCard: "插卡", tapCard: "贴卡", removeCard: "移开卡", antenna: "感应区", clearPath: "取出卡住的卡", loadCards: "装卡",
  faults: "故障注入", fault: "故障", command: "命令", anyCommand: "自动", stage: "阶段", times: "次数", once: "一次", nTimes: "n 次", always: "直到清除", arm: "布设", lineFault: "线路故障", armed: "已布设", fired: "已触发", clearAll: "全部清除", nothingArmed: "没有布设的故障", nothingFired: "尚未触发",
  "before-motion": "动作前", "mid-motion": "动作中", "after-motion": "动作后", "reply-lost": "应答丢失",
  "drop-byte": "丢一个字节", "bad-checksum": "校验错误", silence: "不应答", garbage: "应答前杂码", "port-vanishes": "串口消失", nak: "回 NAK", "late-ack": "ACK 迟到", "lost-ack": "ACK 丢失", "duplicate-reply": "应答重复",
  trace: "线路跟踪", rx: "收", tx: "发", pause: "暂停", resume: "继续", saveTrace: "保存", portVanish: "拔出串口", portReturn: "插回串口", profile: "机型参数", left: "剩", errorHint: "先布设错误，再由驱动发命令；读卡器须立即应答，不能等待对话框。",
  about: "智柜虚拟读卡器。以与硬件相同的字节在伪终端上应答。仅供测试，不含真实账户。版权所有 © 智柜项目，Apache-2.0 许可。", choose: "选择", current: "当前",
};
const en = {
  title: "ZhiGui · virtual devices", connected: "connected", disconnected: "disconnected", otherLang: "中文",
  power: "Power", powerCut: "Cut power", powerRestore: "Power on", closeDevice: "Close device", openDevice: "Open device", status: "Status", exit: "Exit program",
  off: "no power", closed: "closed (does not answer)", ended: "ended", portGone: "port has vanished", ready: "at work",
  position: "Card is", outside: "outside", mouth: "at the mouth", inside: "inside", retained: "retained", entry: "Entry", none: "none", all: "all", mag: "magnetic only", ic: "IC only", both: "IC and magnetic",
  retainCount: "Retain counter", bin: "Retain bin", emptyBin: "Empty the bin", card: "Card", waitInsert: "waits for a card", waitTake: "card to be taken", initialised: "initialised", notInitialised: "not initialised",
  CardInfo: "", Status: "", ErrorSimulating: "", InsertCard: "", TakeCard: "", CommandSet: "", CloseDevice: "", OpenDevice: "", AboutVirDev: "", ExitProgram: "",
  notInMode: "not available in this mode", cardName: "Name", selectCard: "Select Card", track: "Track", invalidCard: "Invalid Card", magCard: "MagCard", icCard: "IC Card", insertNow: "InsertCard", noCommand: "no insert-card command received", gotCommand: "insert-card command received", dblclick: "double-click to restore", takeAway: "Take Away Card", notTake: "Not Take Card",
  takeQuestion: "A card lies at the mouth. Take it?", noCardAtMouth: "No card lies at the mouth.", note: "Note", add: "Add", save: "Save", del: "Delete", close: "Close", sure: "End this virtual device?",
  upper: "Upper cassette", lower: "Lower cassette", notes: "notes", yuan: "yuan", nearEnd: "near end", absent: "absent", path: "Path", atExit: "Exit", rejectTray: "Reject tray", takeCash: "Take the cash", fill: "Fill", remove: "Remove", emptyReject: "Empty reject tray", exitEmpty: "no notes at the exit", moving: "moving",
  truth: "What each command really paid", cmd: "No.", asked: "asked", given: "paid", taken: "taken", rejected: "rejected", retracted: "retracted", result: "result",
  entering: "PIN entry", plain: "plain entry", keyIdle: "keyboard inactive", digits: "digits", pinReady: "PIN ready", keys: "Keys", loseKeys: "Lose all keys", exchangePad: "Exchange the pad", enter: "Enter", cancel: "Cancel", clear: "Clear", nonProd: "non-production: test keys only",
  paper: "Roll", mm: "mm", atExitTicket: "ticket at the exit", tearOff: "Tear off", loadPaper: "Load paper", cover: "Cover", openCover: "Open cover", closeCover: "Close cover", lastReceipts: "Last receipts", noReceipt: "no receipts yet", halted: "printing stopped", isOpen: "open", isClosed: "closed", goneTaken: "taken", goneDropped: "dropped", goneRetracted: "retracted",
  bookName: "Passbook", page: "Page", insertPassbook: "Insert the passbook", takePassbook: "Take the passbook", clearBook: "Take out by hand",
  stacker: "Stacker", empty: "empty", few: "few", enough: "enough", at_path: "on the path", at_ic: "IC position", at_rf: "RF position", at_gate: "at the gate", tapCard: "Tap a card", removeCard: "Remove the card", antenna: "Antenna", takeCard: "Take the card", insertCard: "Insert a card", clearPath: "Clear the path", loadCards: "Load cards",
  faults: "Faults", fault: "Fault", command: "Command", anyCommand: "default", stage: "Stage", times: "Times", once: "once", nTimes: "n times", always: "until cleared", arm: "Arm", lineFault: "Line fault", armed: "Armed", fired: "Fired", clearAll: "Clear all", nothingArmed: "nothing is armed", nothingFired: "nothing has fired",
  "before-motion": "before motion", "mid-motion": "mid motion", "after-motion": "after motion", "reply-lost": "reply lost",
  "drop-byte": "drop a byte", "bad-checksum": "bad checksum", silence: "silence", garbage: "garbage before reply", "port-vanishes": "port vanishes", nak: "answer NAK", "late-ack": "late ACK", "lost-ack": "lost ACK", "duplicate-reply": "duplicate reply",
  trace: "Wire trace", rx: "rx", tx: "tx", pause: "Pause", resume: "Resume", saveTrace: "Save", portVanish: "Pull the port", portReturn: "Plug the port in", profile: "Profile", left: "left", errorHint: "Arm the error first, then let the driver send its command: the reader must answer at once and cannot wait for a dialog.",
  about: "ZhiGui virtual card reader. Answers on a pseudo terminal with the bytes of the hardware. For tests only; holds no real accounts. Copyright © the ZhiGui project, Apache-2.0.", choose: "choose", current: "current",
};
export let lang = "zh";
try { lang = localStorage.getItem("lang") || "zh"; } catch { /* no storage: Chinese */ }
export function setLang(l) { lang = l; document.documentElement.lang = l === "zh" ? "zh-CN" : "en"; try { localStorage.setItem("lang", l); } catch { /* not kept */ } }
export const t = (k) => (lang === "zh" ? zh : en)[k] ?? k;
export const name = (o) => (lang === "zh" ? o.nameZh || o.titleZh || o.zh : "") || o.name || o.title;
