import { h, getJSON, soon } from "./dom.js";
import { t, lang, setLang } from "./i18n.js";
import { deviceCard } from "./cards.js";
import { Reader } from "./reader.js";
import { Tools } from "./tools.js";

const state = new Map();
const readers = new Map();
const tools = new Tools(state, () => render());
let online = false;

// A card is drawn anew only when it shows something else, and never under a finger or an open list: a
// button that is replaced between press and release is not clicked.
const cards = new Map();
let pressed = false;
const choosing = () => document.activeElement?.tagName === "SELECT" && document.activeElement;
function card(s) {
  const seen = JSON.stringify([lang, s, tools.id === s.id]);
  const c = cards.get(s.id);
  if (c && (c.seen === seen || c.node.contains(choosing() || null))) return c.node;
  const node = deviceCard(s, { reader: readers.get(s.id), selected: tools.id === s.id, choose: (id) => { tools.choose(id); render(); } });
  cards.set(s.id, { seen, node });
  return node;
}

function render() {
  if (pressed) return; // the release draws
  document.title = document.getElementById("title").textContent = t("title");
  const link = document.getElementById("link");
  link.textContent = t(online ? "connected" : "disconnected");
  link.className = "pill " + (online ? "good" : "bad");
  document.getElementById("lang").textContent = t("otherLang");
  const list = document.getElementById("devices");
  [...state.values()].map(card).forEach((node, i) => { if (list.children[i] !== node) list.children[i] ? list.children[i].replaceWith(node) : list.append(node); });
  tools.render();
  for (const r of readers.values()) r.render();
}

function put(s) {
  state.set(s.id, s);
  if (s.info.model === "crt350n" || s.info.model === "omron3s4yr") {
    if (!readers.has(s.id)) readers.set(s.id, new Reader(s.id));
    readers.get(s.id).update(s);
  }
}

async function loadAll() {
  for (const s of await getJSON("/api/devices")) put(s);
  tools.choose(tools.id ?? state.keys().next().value);
  render();
}

const renderSoon = soon(render);
const pending = new Map();
function refresh(id) {
  if (pending.has(id)) return;
  pending.set(id, setTimeout(async () => {
    pending.delete(id);
    try {
      put(await getJSON(`/api/devices/${id}`));
      renderSoon();
    } catch { /* the stream tells that the server is gone */ }
  }, 100));
}

function listen() {
  const es = new EventSource("/api/events");
  es.onopen = () => { online = true; loadAll(); };
  es.onerror = () => { online = false; render(); };
  const on = (kind, f) => es.addEventListener(kind, (e) => f(JSON.parse(e.data)));
  on("state", (e) => refresh(e.device));
  on("wire", (e) => tools.wire(e.device, e.data));
  on("fault", (e) => refresh(e.device));
  on("prompt", (e) => { if (e.data === "insertCard") readers.get(e.device)?.commanded(); });
}

addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => { pressed = false; renderSoon(); }, true);
document.getElementById("lang").addEventListener("click", () => { setLang(lang === "zh" ? "en" : "zh"); render(); });
document.getElementById("windows").append(h("div", { id: "readerWindows" }));
setLang(lang);
listen();
