// The rules of the card reader's dialogs, free of any page: what is enabled when, and which
// form of a dialog is shown. Tested by rules.test.mjs.

// The main menu: exactly nine items, in this order.
export const menu = ["CardInfo", "Status", "ErrorSimulating", "InsertCard", "TakeCard", "CommandSet", "OpenClose", "AboutVirDev", "ExitProgram"];

// The seventh item toggles and changes its label.
export const openCloseLabel = (open) => (open ? "CloseDevice" : "OpenDevice");

// CommandSet is shown but does nothing in this mode.
export const inert = (item) => item === "CommandSet";

// insertForm: which controls of the InsertCard dialog are enabled.
//  - Select Card and the tracks only while MagCard is ticked;
//  - while Invalid Card is ticked nothing but the InsertCard button (and the tick itself, so
//    that it can be taken back);
//  - the InsertCard button only after an insert-card command has been received.
export function insertForm({ mag, invalid, canInsert }) {
  const tracks = mag && !invalid;
  return { mag: !invalid, ic: !invalid, invalid: true, select: tracks, track1: tracks, track2: tracks, track3: tracks, insert: Boolean(canInsert) };
}

// insertArgs: what the InsertCard button sends.
export function insertArgs(f) {
  if (f.invalid) return { card: "invalid", invalid: true, mag: false, ic: false };
  const a = { mag: Boolean(f.mag), ic: Boolean(f.ic) };
  if (f.mag) Object.assign(a, { card: f.select || "unnamed", track1: f.track1 || "", track2: f.track2 || "", track3: f.track3 || "" });
  else Object.assign(a, { card: f.ic ? "IC" : "unnamed", track1: "", track2: "", track3: "" });
  return a;
}

// pickCard: choosing a stored card fills the track boxes and says whether it has a chip; a name that is
// new keeps what is there.
export function pickCard(form, name, cards) {
  const c = cards.find((k) => k.name === name);
  return c ? { ...form, select: name, ic: Boolean(c.ic), track1: c.track1, track2: c.track2, track3: c.track3 } : { ...form, select: name };
}

// insertDialog: the two forms of the dialog. full → close → small → double-click → full; an
// insert-card command shows the full form; a card inserted hides it.
export function insertDialog(form, event) {
  switch (event) {
    case "menu":
    case "command":
      return "full";
    case "close":
      return form === "full" ? "small" : form;
    case "doubleClick":
      return form === "small" ? "full" : form;
    case "inserted":
      return "hidden";
    default:
      return form;
  }
}

// takeDialog: both buttons make it disappear; only one of them takes the card.
export function takeDialog(open, event) {
  switch (event) {
    case "menu":
      return { open: true };
    case "take":
      return { open: false, action: "takeCard" };
    case "notTake":
      return { open: false, action: "notTakeCard" };
    default:
      return { open };
  }
}

// times: how often an armed fault strikes, as the API wants it.
export function times(mode, n) {
  if (mode === "once") return 1;
  if (mode === "always") return 0;
  return Math.max(1, Math.floor(Number(n)) || 1);
}

// parseArgs reads key=value pairs as the command line does; quotes keep blanks together.
export function parseArgs(text) {
  const out = {};
  for (const [, key, quoted, bare] of text.matchAll(/([A-Za-z][A-Za-z0-9]*)=(?:"([^"]*)"|(\S*))/g)) out[key] = quoted ?? bare;
  return out;
}

// ownActions leaves out what every device can do.
const common = new Set(["powerCut", "powerRestore", "openDevice", "closeDevice", "armFault", "armLine", "clearFaults", "setStatus", "setProfile", "setLatency", "portVanish", "portReturn", "exitProgram"]);
export const ownActions = (all) => all.filter((a) => !common.has(a));

// facts are the plain members of a device's view, to be shown as they are.
export const facts = (view) => Object.entries(view ?? {}).filter(([, v]) => v === null || typeof v !== "object" || Array.isArray(v)).map(([k, v]) => [k, Array.isArray(v) ? v.join(", ") : String(v)]);
