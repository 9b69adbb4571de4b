// The card of a device that has no drawing of its own: what it says about itself, and a
// button for each thing that a person can do, with the arguments as on the command line.
import { h, act } from "./dom.js";
import { lang } from "./i18n.js";
import { parseArgs, ownActions, facts } from "./rules.js";

const words = {
  presentCode: ["出示条码", "Present a code"], removeCode: ["移开条码", "Remove the code"],
  openDoor: ["开门", "Open a door"], closeDoor: ["关门", "Close a door"], approach: ["有人靠近", "Somebody comes"], leave: ["人离开", "Somebody leaves"],
  pressCallButton: ["按呼叫钮", "Press the call button"], plugHeadset: ["插耳机", "Plug a headset"], unplugHeadset: ["拔耳机", "Unplug the headset"], setTemperature: ["设温度", "Set the temperature"],
  cutMains: ["市电断电", "Cut the mains"], restoreMains: ["市电恢复", "Restore the mains"], setBattery: ["设电量", "Set the battery"], setLoad: ["设负载", "Set the load"],
  pressKey: ["按键", "Press a key"], typeText: ["输入文字", "Type a text"],
  insertCard: ["推入卡片", "Push a card in"], pushCard: ["推到底", "Push it home"], takeCard: ["拔出卡片", "Pull the card out"],
  placeCard: ["放身份证", "Lay a card on"], removeCard: ["拿走身份证", "Lift the card"], touchFinger: ["按手指", "Touch"], liftFinger: ["抬手指", "Lift the finger"],
};
const hints = { insertCard: "track2=6225880000000001=49122010000012300000", presentCode: "code=6901234567892", openDoor: "door=front|rear|safe", setTemperature: "tenths=235", setBattery: "percent=15", setLoad: "percent=60", placeCard: "card=张测试", pressKey: "key=enter", typeText: "text=123", touchFinger: "finger=right-index" };
const fields = new Map(); // each device's field stays the same element, so that it keeps text and cursor

function field(id, hint) {
  const e = fields.get(id) ?? fields.set(id, h("input", { name: "args" })).get(id);
  e.placeholder = hint;
  if (document.activeElement === e) queueMicrotask(() => e.focus());
  return e;
}

export function plain(s) {
  const actions = ownActions(s.info.actions);
  const hint = actions.map((a) => hints[a]).filter(Boolean).join(" · ");
  const input = field(s.id, hint);
  return [
    h("div", { class: "facts" }, facts(s.physical).filter(([k]) => k !== "lines").map(([k, v]) => h("div", { class: "kv" }, h("span", {}, k), h("b", {}, v)))),
    s.prompt && words[s.prompt] ? h("p", { class: "wait" }, words[s.prompt][lang === "zh" ? 0 : 1]) : null,
    h("label", { class: "field grow" }, h("span", {}, lang === "zh" ? "参数" : "Arguments"),
      input),
    h("div", { class: "row gap" }, actions.map((a) => h("button", { type: "button", name: a, disabled: !s.running, onclick: () => act(s.id, a, parseArgs(input.value)) }, (words[a] ?? [a, a])[lang === "zh" ? 0 : 1]))),
  ];
}
