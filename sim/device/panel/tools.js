// Faults, settings and the wire trace of the device that is chosen.
import { h, act, select, time, getJSON, soon } from "./dom.js";
import { t, lang, name } from "./i18n.js";
import { times } from "./rules.js";

const stages = ["before-motion", "mid-motion", "after-motion", "reply-lost"];
const lines = ["drop-byte", "bad-checksum", "silence", "garbage", "port-vanishes", "nak", "late-ack", "lost-ack", "duplicate-reply"];
const forms = new Map(); // what is chosen in each device's form

const label = (f) => `${f.code} ${name(f)}`;
const howOften = (a) => (a.times === 0 ? t("always") : a.times === 1 ? t("once") : `${a.times}× · ${t("left")} ${a.left}`);

// faultForm arms faults by number and name.
export function faultForm(s) {
  const f = forms.get(s.id) ?? forms.set(s.id, { code: s.info.faults[0].code, stage: stages[0], command: "", mode: "once", n: 3, line: lines[0] }).get(s.id);
  const often = [["once", t("once")], ["n", t("nTimes")], ["always", t("always")]].map(([value, l]) => ({ value, label: l }));
  return h("div", { class: "faultform" },
    h("label", { class: "field grow" }, h("span", {}, t("fault")), select(s.info.faults.map((d) => ({ value: d.code, label: label(d) })), f.code, (v) => { f.code = v; }, { name: "code" })),
    h("label", { class: "field" }, h("span", {}, t("command")), select([{ value: "", label: t("anyCommand") }, ...s.info.commands.map((c) => ({ value: c.value, label: `${c.value} ${lang === "zh" ? c.zh : c.name}` }))], f.command, (v) => { f.command = v; }, { name: "command" })),
    h("label", { class: "field" }, h("span", {}, t("stage")), select(stages.map((x) => ({ value: x, label: t(x) })), f.stage, (v) => { f.stage = v; }, { name: "stage" })),
    h("label", { class: "field" }, h("span", {}, t("times")), h("div", { class: "row tight" }, select(often, f.mode, (v) => { f.mode = v; }, { name: "times" }), h("input", { type: "number", min: 1, max: 999, value: f.n, class: "num", "aria-label": "n", oninput: (e) => { f.n = e.target.value; f.mode = "n"; } }))),
    h("button", { type: "button", class: "primary", name: "arm", onclick: () => act(s.id, "armFault", { code: f.code, command: f.command, stage: f.stage, times: times(f.mode, f.n) }) }, t("arm")));
}

// armedList is shown with every device all the time.
export function armedList(s, brief) {
  const all = [...s.armed.map((a) => ({ ...a, text: `${label(a)} · ${t(a.stage)}` })), ...s.armedLine.map((a) => ({ ...a, text: `${t("lineFault")}: ${t(a.kind)}` }))];
  if (!all.length) return brief ? h("span", { class: "dim" }, t("nothingArmed")) : h("p", { class: "dim" }, t("nothingArmed"));
  return h("ul", { class: "armed" }, all.map((a) => h("li", {}, h("span", {}, a.text), h("small", {}, howOften(a)), h("button", { type: "button", class: "x", "aria-label": t("del"), onclick: (e) => { e.stopPropagation(); act(s.id, "clearFaults", { id: a.id }); } }, "×"))));
}

export class Tools {
  constructor(state, redraw) {
    Object.assign(this, { state, redraw, traces: new Map(), paused: false, seen: "", tbody: h("tbody", {}) });
    this.root = document.getElementById("tools");
    this.traceSoon = soon(() => this.trace(), 150);
  }

  async choose(id) {
    if (!id || id === this.id) return;
    this.id = id;
    this.traces.set(id, await getJSON(`/api/devices/${id}/trace`));
    this.render(true);
  }

  wire(id, frame) {
    const l = this.traces.get(id);
    if (!l || this.paused) return;
    if (l.length && l.at(-1).seq >= frame.seq) return;
    l.push(frame);
    if (l.length > 400) l.shift();
    if (id === this.id) this.traceSoon();
  }

  trace() {
    const l = this.traces.get(this.id) ?? [];
    this.tbody.replaceChildren(...l.slice(-200).reverse().map((f) => h("tr", { class: f.dir }, h("td", {}, time(f.at)), h("td", {}, t(f.dir)), h("td", { class: "mono" }, f.hex), h("td", {}, f.decoded))));
  }

  save() {
    const text = (this.traces.get(this.id) ?? []).map((f) => JSON.stringify(f)).join("\n") + "\n";
    const a = h("a", { href: URL.createObjectURL(new Blob([text])), download: `trace-${this.id}.jsonl` });
    a.click();
  }

  render(force) {
    const s = this.state.get(this.id);
    if (!s) return;
    const now = JSON.stringify([lang, this.id, s.armed, s.armedLine, s.fired, s.statuses, s.profile, s.port, s.open, s.running, this.paused, [...this.state.keys()]]);
    if (!force && now === this.seen) return;
    this.seen = now;
    const f = forms.get(s.id);
    const form = faultForm(s);
    const setting = (action) => (x) => h("label", { class: "field" }, h("span", {}, name(x)), select(x.options.map((o) => ({ value: o.value, label: lang === "zh" ? o.zh : o.name })), x.value, (v) => act(s.id, action, { name: x.name, value: v }), { name: x.name }));
    this.root.replaceChildren(
      h("div", { class: "tabs", role: "tablist" }, [...this.state.values()].map((d) => h("button", { type: "button", role: "tab", "aria-selected": String(d.id === s.id), onclick: () => { this.choose(d.id); this.redraw(); } }, name(d.info)))),
      h("div", { class: "panes" },
        h("section", {}, h("h3", {}, t("faults")), form,
          h("div", { class: "faultform" }, h("label", { class: "field grow" }, h("span", {}, t("lineFault")), select(lines.map((x) => ({ value: x, label: t(x) })), f?.line ?? lines[0], (v) => { forms.get(s.id).line = v; }, { name: "line" })),
            h("button", { type: "button", class: "primary", onclick: () => { const g = forms.get(s.id); act(s.id, "armLine", { kind: g.line, times: times(g.mode, g.n) }); } }, t("arm")),
            h("button", { type: "button", onclick: () => act(s.id, s.port ? "portVanish" : "portReturn") }, t(s.port ? "portVanish" : "portReturn"))),
          h("div", { class: "lists" },
            h("div", {}, h("h4", {}, t("armed"), s.armed.length + s.armedLine.length ? h("button", { type: "button", class: "link", onclick: () => act(s.id, "clearFaults") }, t("clearAll")) : null), armedList(s)),
            h("div", {}, h("h4", {}, t("fired")), s.fired.length ? h("ul", { class: "fired" }, [...s.fired].reverse().slice(0, 20).map((x) => h("li", {}, h("time", {}, time(x.at)), h("span", {}, x.stage ? label(x) : t("lineFault") + ": " + t(x.code)), h("small", {}, `${t("command")} ${x.command} ${x.stage ? t(x.stage) : ""}`)))) : h("p", { class: "dim" }, t("nothingFired")))),
          h("div", { class: "lists" }, h("div", {}, h("h4", {}, t("status")), h("div", { class: "grid2 tight" }, s.statuses.map(setting("setStatus")))),
            h("div", {}, s.profile.length ? [h("h4", {}, t("profile")), s.profile.map(setting("setProfile"))] : null,
              h("div", { class: "row gap" }, h("button", { type: "button", disabled: !s.running, onclick: () => act(s.id, s.open ? "closeDevice" : "openDevice") }, t(s.open ? "closeDevice" : "openDevice")), h("button", { type: "button", disabled: !s.running, onclick: () => { if (confirm(t("sure"))) act(s.id, "exitProgram"); } }, t("exit")))))),
        h("section", { class: "tracepane" }, h("h3", {}, t("trace"), h("span", { class: "right" }, h("button", { type: "button", class: "ghost", onclick: () => { this.paused = !this.paused; this.render(); } }, t(this.paused ? "resume" : "pause")), h("button", { type: "button", class: "ghost", onclick: () => this.save() }, t("saveTrace")))),
          h("div", { class: "scroll" }, h("table", { class: "trace" }, this.tbody)))));
    this.trace();
  }
}
