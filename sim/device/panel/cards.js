// One card for each device: what it looks like now, and what a person can do with it.
import { h, act } from "./dom.js";
import { t, lang, name } from "./i18n.js";
import { armedList } from "./tools.js";
import { plain } from "./plain.js";
import { acceptor } from "./acceptor.js";

const stateOf = (s) => !s.running ? ["bad", t("ended")] : !s.power ? ["bad", t("off")] : !s.open ? ["warn", t("closed")] : !s.port ? ["warn", t("portGone")] : ["good", t("ready")];

export function deviceCard(s, ctx) {
  const [cls, text] = stateOf(s);
  const body = { crt350n: reader, lcdm2000: dispenser, zt598: pinpad, escpos: printer, starline: printer, crt591: cardbox, lcdm4000: dispenser, xfscdm: dispenser, omron3s4yr: reader, kmy3501: pinpad, pr2: passbook, itlssp: acceptor, ccnet: acceptor, vtpanel: screen }[s.info.model];
  return h("article", { class: "card " + s.info.model + (ctx.selected ? " selected" : "") + (s.power && s.running ? "" : " dark"), "data-device": s.id, onclick: () => ctx.choose(s.id) },
    h("header", {}, h("h2", {}, name(s.info)), h("span", { class: "pill " + cls }, text),
      h("button", { type: "button", class: "ghost", disabled: !s.running, onclick: () => act(s.id, s.power ? "powerCut" : "powerRestore") }, t(s.power ? "powerCut" : "powerRestore"))),
    h("div", { class: "body" }, (body ?? plain)(s, ctx)),
    h("footer", {}, armedList(s, true)));
}

const kv = (k, v, cls = "") => h("div", { class: "kv " + cls }, h("span", {}, k), h("b", {}, v));

function reader(s, ctx) {
  const p = s.physical;
  const where = { outside: 0, mouth: 1, inside: 2 }[p.position] ?? 0;
  return [
    h("div", { class: "slot pos" + where, "aria-label": p.position },
      h("div", { class: "track" }), h("div", { class: "gate" }), h("div", { class: "box" }, h("span", {}, t("inside"))),
      p.position === "outside" ? h("span", { class: "wait" }, p.canInsert ? t("waitInsert") : "") : h("div", { class: "plastic" }, h("i", {}), h("b", {}, p.card))),
    h("div", { class: "facts" }, kv(t("position"), t(p.position)), kv(t("entry"), p.entry ? t(p.entry) : t("none")), kv(t("retainCount"), p.counter), kv("", t(p.ready ? "initialised" : "notInitialised"), p.ready ? "" : "dim"),
      p.bin.length ? h("button", { type: "button", class: "link", onclick: () => act(s.id, "emptyRetainBin") }, `${t("emptyBin")} (${p.bin.length})`) : null),
    ctx.reader.menu(),
  ];
}

function screen(s) {
  return [h("pre", { class: "tty" }, s.physical.lines.join("\n")), plain(s)];
}

function cardbox(s) {
  const p = s.physical;
  const button = (action, off, args) => h("button", { type: "button", name: action, disabled: off, onclick: () => { const a = args?.(); if (a !== null) act(s.id, action, a); } }, t(action));
  return h("div", { class: "facts" }, kv(t("stacker"), `${p.stacker} (${t(p.level)})`, p.level === "enough" ? "" : "warn"), kv(t("position"), p.position ? `${t("at_" + p.position)} #${p.card.no}` : t("outside")),
    kv(t("antenna"), p.field.length ? p.field.map((k) => k.name || `#${k.no}`).join(" + ") : t("none")),
    kv(t("bin"), p.bin, p.binFull ? "warn" : ""), kv(t("retainCount"), p.counter), kv(t("taken"), p.taken.length), kv("", t(p.ready ? "initialised" : "notInitialised"), p.ready ? "" : "dim"),
    button("takeCard", p.position !== "gate" || p.moving), button("insertCard", !p.canInsert), button("tapCard", !p.canTap, tapArgs), button("removeCard", !p.field.length), button("clearPath", !p.position || p.moving),
    button("loadCards", false, () => ({ count: ask(t("loadCards"), 100) ?? 0 })), button("emptyBin", !p.bin));
}

// tapArgs is a bank card by its track 2; a card with the same name is the same one.
function tapArgs() {
  const track2 = prompt("Track 2", "6225880000000001=49122010000012300000");
  return track2 === null ? null : { card: track2.split("=")[0].slice(-4), track2 };
}

function passbook(s) {
  const p = s.physical;
  return h("div", { class: "print" },
    h("div", { class: "facts" }, kv(t("position"), t(p.position)), kv(t("bookName"), p.book || t("none")), kv(t("page"), p.page || ""),
      h("button", { type: "button", class: "primary", name: "insertPassbook", disabled: p.position === "inside", onclick: () => { const n = ask(t("page"), p.page || 1); if (n !== null) act(s.id, "insertPassbook", { page: n }); } }, t("insertPassbook")),
      h("button", { type: "button", class: "primary big", name: "takePassbook", disabled: p.position !== "mouth", onclick: () => act(s.id, "takePassbook") }, t("takePassbook")),
      h("button", { type: "button", name: "clearPath", disabled: p.position !== "inside", onclick: () => act(s.id, "clearPath") }, t("clearBook"))),
    h("div", { class: "tickets" }, p.pages.map((text, i) => [text.trim(), i + 1]).filter(([text, n]) => text || n === p.page).map(([text, n]) => h("figure", { class: n === p.page ? "hot" : "" },
      h("a", { href: `/api/devices/${s.id}/receipts/${n}.svg`, target: "_blank" }, h("img", { src: `/api/devices/${s.id}/receipts/${n}.svg?${p.printed}`, alt: text })), h("figcaption", {}, `${t("page")} ${n}`)))));
}

function notes(n, max = 20) {
  return h("div", { class: "notes" }, Array.from({ length: Math.min(n, max) }, (_, k) => h("i", { style: `bottom:${k * 1.2}px;left:${(k % 3) * 1.5}px` })));
}

function ask(text, value) {
  const v = prompt(text, value);
  return v === null ? null : Number(v);
}

function dispenser(s) {
  const p = s.physical;
  const list = (x) => Array.isArray(x) ? x : Object.entries(x).map(([at, n]) => ({ at, n }));
  const exit = list(p.exit).reduce((a, b) => a + b.n, 0);
  const names = p.units.upper ? ["upper", "lower"] : Object.keys(p.units);
  const unit = (u) => {
    const c = p.units[u];
    return h("div", { class: "unit" + (c.present ? "" : " gone") + (c.nearEnd ? " near" : "") },
      h("b", {}, t(u)), h("span", { class: "value" }, `${c.value} ${t("yuan")}`),
      h("div", { class: "stack" }, h("i", { style: `height:${Math.max(2, Math.min(100, c.count / 5))}%` })),
      h("span", { class: "count" }, c.present ? `${c.count} ${t("notes")}` : t("absent")), c.nearEnd && c.present ? h("em", {}, t("nearEnd")) : null,
      h("div", { class: "row tight" }, h("button", { type: "button", onclick: () => { const n = ask(`${t("fill")} ${t(u)}`, c.count || 500); if (n !== null) act(s.id, "fillUnit", { unit: u, count: n }); } }, t("fill")),
        h("button", { type: "button", disabled: !c.present, onclick: () => act(s.id, "removeUnit", { unit: u }) }, t("remove"))));
  };
  const places = p.units.upper ? { chk: 0, div: 0, ejt: 0 } : Object.fromEntries(Object.keys(p.path).map((k) => [k, 0]));
  for (const b of list(p.path)) places[b.at] += b.n;
  return [
    h("div", { class: "machine" }, h("div", { class: "units" }, names.map(unit)),
      h("div", { class: "way" }, h("span", {}, t("path")), Object.keys(places).map((k) => h("div", { class: "sensor" + (places[k] ? " on" : "") }, k.toUpperCase(), places[k] ? h("b", {}, places[k]) : null)),
        h("div", { class: "tray" + (p.rejectTray ? "" : " gone") }, h("span", {}, t("rejectTray")), h("b", {}, p.rejectTray ? p.rejected : t("absent")), h("button", { type: "button", disabled: !p.rejected, onclick: () => act(s.id, "emptyRejectTray") }, t("emptyReject")))),
      h("div", { class: "exit" + (exit ? " full" : "") }, h("span", {}, t("atExit")), h("div", { class: "mouth" }, notes(exit)), h("b", {}, p.moving ? t("moving") : exit ? `${exit} ${t("notes")}` : t("exitEmpty")),
        h("button", { type: "button", class: "primary big", name: "takeCash", disabled: !exit || p.moving, onclick: () => act(s.id, "takeCash") }, t("takeCash")))),
    h("div", { class: "truth" }, h("table", {}, h("caption", {}, t("truth")), h("thead", {}, h("tr", {}, ["cmd", "asked", "given", "taken", "rejected", "retracted", "result"].map((k) => h("th", {}, t(k))))),
      h("tbody", {}, [...p.truth].reverse().slice(0, 3).map((c) => h("tr", {}, h("td", {}, `${c.cmd} · ${c.name}`), [c.asked, c.dispensed, c.taken, c.rejected, c.retracted].map((m) => h("td", {}, names.map((u) => m[u] ?? 0).join(" + "))), h("td", { class: c.err === "30" || c.err === "00" ? "" : "err" }, c.err || "…")))))),
  ];
}

function pinpad(s) {
  const p = s.physical;
  const press = (k) => act(s.id, "pressKeys", { keys: k });
  const key = (label, k, cls = "") => h("button", { type: "button", class: "key " + cls, "data-key": k, onclick: () => press(k) }, label, k === "5" ? h("i", { class: "pip", "aria-hidden": "true" }) : null);
  return h("div", { class: "pad" },
    h("div", { class: "keypad" + (p.entry ? " live" : "") }, key("1", "1"), key("2", "2"), key("3", "3"), key(t("cancel"), "C", "red"), key("4", "4"), key("5", "5"), key("6", "6"), key(t("clear"), "B", "yellow"),
      key("7", "7"), key("8", "8"), key("9", "9"), key("·", ".", "plain"), key("00", "D", "plain"), key("0", "0"), h("span", {}), key(t("enter"), "E", "green")),
    h("div", { class: "facts tall" }, h("div", { class: "display" }, p.entry === "pin" ? t("entering") : p.entry ? t("plain") : p.entered ? t("pinReady") : t("keyIdle"), h("b", { class: "mono" }, p.entry || p.entered ? "●".repeat(Math.min(p.digits, 12)) || "–" : "")),
      kv(t("keys"), p.keys.length), h("ul", { class: "keys" }, p.keys.map((k) => h("li", {}, h("span", {}, `${k.store} ${k.slot}`), h("span", {}, k.use), h("code", {}, k.kcv)))),
      h("button", { type: "button", onclick: () => { if (confirm(t("loseKeys") + "?")) act(s.id, "loseKeys"); } }, t("loseKeys")),
      s.info.actions.includes("exchangePad") ? h("button", { type: "button", onclick: () => { if (confirm(t("exchangePad") + "?")) act(s.id, "exchangePad"); } }, t("exchangePad")) : null, h("small", { class: "dim" }, t("nonProd"))));
}

function printer(s) {
  const p = s.physical;
  const gone = { taken: t("goneTaken"), dropped: t("goneDropped"), retracted: t("goneRetracted") };
  const open = p.status.cover === "open";
  return h("div", { class: "print" },
    h("div", { class: "facts" }, kv(t("paper"), `${(p.paperMm / 1000).toFixed(2)} m`, p.nearEnd ? "warn" : ""), kv(t("cover"), t(open ? "isOpen" : "isClosed"), open ? "warn" : ""),
      p.halted ? h("em", { class: "warn" }, t("halted")) : null,
      h("button", { type: "button", class: "primary big", name: "takePaper", disabled: !p.exit, onclick: () => act(s.id, "takePaper") }, t("tearOff")),
      h("button", { type: "button", onclick: () => { const n = ask(t("loadPaper") + " (mm)", 80000); if (n !== null) act(s.id, "loadPaper", { mm: n }); } }, t("loadPaper")),
      h("button", { type: "button", onclick: () => act(s.id, "setCover", { open: !open }) }, t(open ? "closeCover" : "openCover"))),
    h("div", { class: "tickets", "aria-label": t("lastReceipts") }, p.tickets.length ? p.tickets.map((k) => h("figure", { class: k.gone ? "" : "hot" },
      h("a", { href: `/api/devices/${s.id}/receipts/${k.n}.svg`, target: "_blank" }, h("img", { src: `/api/devices/${s.id}/receipts/${k.n}.png`, alt: k.text, onerror: (e) => { if (!e.target.src.endsWith("svg")) e.target.src = `/api/devices/${s.id}/receipts/${k.n}.svg`; } })),
      h("figcaption", {}, `#${k.n} ${k.gone ? gone[k.gone] : t("atExitTicket")}`))) : h("p", { class: "dim" }, t("noReceipt"))));
}
