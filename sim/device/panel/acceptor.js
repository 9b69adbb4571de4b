// The card of a note acceptor: notes to put in, and where those are that it has taken.
import { h, act } from "./dom.js";
import { lang } from "./i18n.js";

const zh = () => lang === "zh";
const places = { mouth: ["入口", "mouth"], bezel: ["入口", "mouth"], path: ["通道", "path"], escrow: ["暂存", "escrow"], stacking: ["入箱中", "stacking"], stacker: ["入箱中", "stacking"], paying: ["出钞中", "paying"], cashbox: ["钞箱", "cash box"], cassette: ["钞箱", "cash box"], store: ["循环箱", "store"], customer: ["客户", "customer"], operator: ["工作人员", "staff"] };
const conditions = { genuine: ["真钞", "genuine"], counterfeit: ["假钞", "counterfeit"], unfit: ["残损", "unfit"] };
const chosen = new Map(); // the condition in each device's form

const say = (pair, other) => (pair ? pair[zh() ? 0 : 1] : other);

const boxName = (s) => (s.info.actions.includes("removeCassette") ? "Cassette" : "Cashbox");

export function acceptor(s) {
  const p = s.physical;
  const inside = Object.entries(p.places ?? {}).filter(([, n]) => n > 0);
  const sum = (p.notes ?? []).filter((n) => n.place === "cashbox" || n.place === "cassette" || n.place === "store").reduce((v, n) => v + n.value, 0);
  const box = p.cashbox ?? p.cassette;
  const button = (name, words, off, args) => h("button", { type: "button", name, disabled: off || !s.running, onclick: () => act(s.id, name, args) }, say(words));
  const condition = chosen.get(s.id) ?? "genuine";
  const what = h("select", { name: "condition", onchange: (e) => chosen.set(s.id, e.target.value) }, Object.entries(conditions).map(([v, w]) => h("option", { value: v, selected: v === condition }, say(w))));
  return [
    h("div", { class: "facts" },
      h("div", { class: "kv" }, h("span", {}, say(["箱内金额", "in the box"])), h("b", {}, `¥${sum}`)),
      inside.map(([place, n]) => h("div", { class: "kv" }, h("span", {}, say(places[place], place)), h("b", {}, n))),
      p.jam ? h("div", { class: "kv" }, h("span", {}, say(["卡钞", "jam"])), h("b", { class: "warn" }, p.jam)) : null,
      box === false ? h("b", { class: "warn" }, say(["钞箱已取出", "the box is out"])) : null),
    h("div", { class: "row gap" }, [100, 50, 20, 10].map((value) => h("button", { type: "button", class: "primary", name: `note-${value}`, disabled: !s.running || !s.power, onclick: () => act(s.id, "insertNote", { value, condition: what.value }) }, `¥${value}`)), what),
    h("div", { class: "row gap" }, button("takeNotes", ["取走退回的钞票", "Take returned notes"]), button("clearJam", ["清除卡钞", "Clear a jam"], !p.jam),
      box ? button(`remove${boxName(s)}`, ["取出钞箱", "Take the box out"]) : button(`insert${boxName(s)}`, ["装入钞箱", "Put the box in"])),
  ];
}
