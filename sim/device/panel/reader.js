// The card reader's main menu and dialogs (VD-05 … VD-30). What is enabled when is in
// rules.js.
import { h, act } from "./dom.js";
import { t, lang, name } from "./i18n.js";
import * as rules from "./rules.js";
import { faultForm, armedList } from "./tools.js";

export class Reader {
  constructor(id) {
    this.id = id;
    this.insert = "hidden";
    this.take = false;
    this.open = new Set(); // CardInfo, Status, ErrorSimulating, AboutVirDev
    this.form = { mag: true, ic: false, invalid: false, select: "", track1: "", track2: "", track3: "" };
    this.edit = { name: "", note: "", track1: "", track2: "", track3: "", ic: false };
    this.root = h("div");
    document.getElementById("windows").append(this.root);
    this.seen = "";
    this.order = []; // windows, the one on top last
  }

  // raise puts a window on top of the others.
  raise(key) {
    this.order = [...this.order.filter((k) => k !== key), key];
    for (const w of this.root.children) w.style.zIndex = 50 + this.order.indexOf(w.dataset.win);
  }

  update(s) {
    const first = !this.s;
    // A card that somebody else put in (a script, another panel) is inserted, too.
    if (!first && this.s.physical.position === "outside" && s.physical.position !== "outside") this.insert = rules.insertDialog(this.insert, "inserted");
    this.s = s;
    if (first) {
      if (s.physical.cards.length) this.form = rules.pickCard(this.form, s.physical.cards[0].name, s.physical.cards);
      if (s.physical.canInsert) this.commanded();
    }
  }

  commanded() {
    this.raise("InsertCard");
    this.insert = rules.insertDialog(this.insert, "command");
    this.render();
  }

  label(item) {
    const key = item === "OpenClose" ? rules.openCloseLabel(this.s.open) : item;
    return [h("b", {}, key), lang === "zh" ? h("small", {}, t(key) + (rules.inert(item) ? " · " + t("notInMode") : "")) : rules.inert(item) ? h("small", {}, t("notInMode")) : null];
  }

  menu() {
    return h("nav", { class: "menu", "aria-label": "main menu" }, rules.menu.map((item) => h("button", {
      type: "button", "data-item": item, class: "menuitem" + (rules.inert(item) ? " inert" : ""), "aria-disabled": rules.inert(item) ? "true" : null,
      title: rules.inert(item) ? t("notInMode") : "", onclick: (e) => { e.stopPropagation(); this.chosen(item); },
    }, this.label(item), item === "InsertCard" && this.s.physical.canInsert || item === "TakeCard" && this.s.physical.canTake ? h("i", { class: "dot" }) : null)));
  }

  chosen(item) {
    if (rules.inert(item)) return;
    this.raise(item);
    switch (item) {
      case "InsertCard": this.insert = rules.insertDialog(this.insert, "menu"); break;
      case "TakeCard": this.take = rules.takeDialog(this.take, "menu").open; break;
      case "OpenClose": act(this.id, this.s.open ? "closeDevice" : "openDevice"); return;
      case "ExitProgram": if (confirm(t("sure"))) act(this.id, "exitProgram"); return;
      default: this.open.add(item);
    }
    this.render(true);
  }

  // render draws the dialogs again only when something they show has changed, so that typing
  // is not disturbed.
  render(force) {
    const p = this.s.physical;
    const now = JSON.stringify([lang, this.insert, this.take, [...this.open], p.canInsert, p.canTake, p.cards, this.s.statuses, this.s.armed, this.s.fired.length, this.s.running]);
    if (!force && now === this.seen) return;
    this.seen = now;
    const wins = [];
    if (this.s.running) {
      if (this.insert === "full") wins.push(this.insertFull());
      if (this.insert === "small") wins.push(this.insertSmall());
      if (this.take) wins.push(this.takeDialog());
      for (const w of this.open) wins.push(this[w]());
    }
    this.root.replaceChildren(...wins);
    this.raise(this.order.at(-1));
  }

  window(key, body, { close, cls = "" } = {}) {
    return h("section", { class: "win " + cls, role: "dialog", "aria-label": key, "data-win": key, onpointerdown: () => this.raise(key) },
      h("header", {}, h("b", {}, key, lang === "zh" ? h("small", {}, t(key)) : null), h("button", { type: "button", class: "x", "aria-label": t("close"), onclick: close ?? (() => { this.open.delete(key); this.render(); }) }, "×")), h("div", { class: "body" }, body));
  }

  insertFull() {
    const p = this.s.physical;
    const f = this.form;
    const en = rules.insertForm({ mag: f.mag, invalid: f.invalid, canInsert: p.canInsert });
    const set = (k, v) => { f[k] = v; this.render(true); };
    const tick = (k, label) => h("label", { class: "tick" }, h("input", { type: "checkbox", name: k, checked: f[k], disabled: !en[k], onchange: (e) => set(k, e.target.checked) }), label);
    const pick = (v) => { this.form = rules.pickCard(f, v, p.cards); this.render(true); };
    return this.window("InsertCard", [
      h("p", { class: "hint " + (p.canInsert ? "good" : "") }, t(p.canInsert ? "gotCommand" : "noCommand")),
      h("div", { class: "row" }, tick("mag", ["MagCard", lang === "zh" ? " 磁卡" : ""]), tick("ic", ["IC Card", lang === "zh" ? " 芯片卡" : ""]), tick("invalid", ["Invalid Card", lang === "zh" ? " 非法卡" : ""])),
      h("label", { class: "field" }, h("span", {}, "Select Card", lang === "zh" ? " 选择卡" : ""), h("div", { class: "combo" },
        h("input", { name: "select", value: f.select, disabled: !en.select, onchange: (e) => pick(e.target.value), oninput: (e) => { f.select = e.target.value; } }),
        h("select", { disabled: !en.select, "aria-label": t("choose"), onchange: (e) => pick(e.target.value) }, h("option", { value: "", selected: true, hidden: true }, ""), p.cards.map((c) => h("option", { value: c.name }, c.note ? `${c.name}　${c.note}` : c.name))))),
      [1, 2, 3].map((n) => h("label", { class: "field" }, h("span", {}, `Track${n}`, lang === "zh" ? ` ${"一二三"[n - 1]}磁道` : ""), h("input", { name: `track${n}`, class: "mono", value: f[`track${n}`], disabled: !en[`track${n}`], oninput: (e) => { f[`track${n}`] = e.target.value; } }))),
      h("div", { class: "foot" }, h("button", { type: "button", class: "primary big", name: "insert", disabled: !en.insert, onclick: () => this.doInsert() }, "InsertCard", lang === "zh" ? " 插入卡片" : "")),
    ], { cls: "insert", close: () => { this.insert = rules.insertDialog(this.insert, "close"); this.render(); } });
  }

  async doInsert() {
    if (await act(this.id, "insertCard", rules.insertArgs(this.form))) {
      this.insert = rules.insertDialog(this.insert, "inserted");
      this.render();
    }
  }

  insertSmall() {
    return h("section", { class: "win small", role: "dialog", "aria-label": "InsertCard", "data-win": "InsertCardSmall", title: t("dblclick"), ondblclick: () => { this.insert = rules.insertDialog(this.insert, "doubleClick"); this.render(); } },
      h("b", {}, "InsertCard"), h("span", {}, t(this.s.physical.canInsert ? "gotCommand" : "noCommand")), h("small", {}, t("dblclick")));
  }

  takeDialog() {
    const press = async (event) => {
      const r = rules.takeDialog(true, event);
      this.take = r.open;
      this.render();
      if (this.s.physical.canTake) await act(this.id, r.action);
    };
    return this.window("TakeCard", [
      h("p", { class: "hint" }, t(this.s.physical.canTake ? "takeQuestion" : "noCardAtMouth")),
      h("div", { class: "foot two" }, h("button", { type: "button", class: "primary big", name: "take", onclick: () => press("take") }, "Take Away Card", lang === "zh" ? h("small", {}, "取走卡") : null),
        h("button", { type: "button", class: "big", name: "notTake", onclick: () => press("notTake") }, "Not Take Card", lang === "zh" ? h("small", {}, "不取卡") : null)),
    ], { cls: "take", close: () => { this.take = false; this.render(); } });
  }

  Status() {
    return this.window("Status", h("div", { class: "grid2" }, this.s.statuses.map((x) => h("label", { class: "field" }, h("span", {}, name(x)),
      h("select", { name: x.name, onchange: (e) => act(this.id, "setStatus", { name: x.name, value: e.target.value }) }, x.options.map((o) => h("option", { value: o.value, selected: o.value === x.value }, lang === "zh" ? o.zh : o.name)))))));
  }

  ErrorSimulating() {
    return this.window("ErrorSimulating", [h("p", { class: "hint" }, t("errorHint")), faultForm(this.s), h("h4", {}, t("armed")), armedList(this.s)], { cls: "wide" });
  }

  CardInfo() {
    const e = this.edit;
    const box = (k, label, cls = "") => h("label", { class: "field" }, h("span", {}, label), h("input", { name: k, class: cls, value: e[k], oninput: (ev) => { e[k] = ev.target.value; } }));
    const known = this.s.physical.cards.some((c) => c.name === e.name);
    const save = async () => { if (await act(this.id, "saveCard", { ...e })) this.render(true); };
    return this.window("CardInfo", [
      h("div", { class: "cards", role: "list" }, this.s.physical.cards.map((c) => h("button", { type: "button", role: "listitem", class: c.name === e.name ? "on" : "", onclick: () => { Object.assign(e, c); e.note = c.note ?? ""; this.render(true); } }, h("b", {}, c.name), h("small", {}, c.note ?? "")))),
      h("div", { class: "grid2" }, box("name", t("cardName")), box("note", t("note"))), box("track1", "Track1", "mono"), box("track2", "Track2", "mono"), box("track3", "Track3", "mono"),
      h("label", { class: "tick" }, h("input", { type: "checkbox", checked: e.ic, onchange: (ev) => { e.ic = ev.target.checked; } }), "IC"),
      h("div", { class: "foot" }, h("button", { type: "button", class: "primary", name: "save", onclick: save }, known ? t("save") : t("add") + " / " + t("save")),
        h("button", { type: "button", name: "delete", disabled: !known, onclick: () => act(this.id, "deleteCard", { name: e.name }) }, t("del"))),
    ], { cls: "wide" });
  }

  AboutVirDev() {
    return this.window("AboutVirDev", [h("p", {}, t("about")), h("p", { class: "mono" }, `${this.s.info.maker} · ${this.s.info.title} · ${this.s.link}`)]);
  }
}
