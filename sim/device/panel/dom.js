// Small helpers: elements, calls to the API, messages.
export function h(tag, props = {}, ...kids) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (k === "class") e.className = v;
    else if (k in e && k !== "list") e[k] = v;
    else if (v !== false && v != null) e.setAttribute(k, v);
  }
  e.append(...kids.flat(9).filter((x) => x != null && x !== false));
  return e;
}

export async function getJSON(path) {
  const r = await fetch(path);
  if (!r.ok) throw new Error(`${r.status}`);
  return r.json();
}

let toastTimer = 0;
export function toast(text) {
  const e = document.getElementById("toast");
  e.textContent = text;
  e.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { e.hidden = true; }, 4000);
}

// act runs an action; false means it was refused, and the reason is shown.
export async function act(id, action, args = {}) {
  try {
    const r = await fetch(`/api/devices/${id}/actions/${action}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(args) });
    if (r.ok) return true;
    toast((await r.json()).error);
  } catch (e) {
    toast(String(e));
  }
  return false;
}

export const time = (s) => new Date(s).toLocaleTimeString("zh-CN", { hour12: false }) + "." + String(new Date(s).getMilliseconds()).padStart(3, "0");

// select makes a drop-down of {value, label}.
export function select(options, value, onchange, props = {}) {
  return h("select", { ...props, onchange: (e) => onchange(e.target.value) }, options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.label)));
}

// soon calls f once for all that happens in a moment: a fast device says hundreds of things a second.
export function soon(f, ms = 100) {
  let due;
  return () => { due ??= setTimeout(() => { due = undefined; f(); }, ms); };
}
