// node --test sim/device/panel/
import assert from "node:assert/strict";
import { test } from "node:test";
import * as r from "./rules.js";

// req: VD-05
test("the main menu has exactly nine items", () => {
  assert.deepEqual(r.menu, ["CardInfo", "Status", "ErrorSimulating", "InsertCard", "TakeCard", "CommandSet", "OpenClose", "AboutVirDev", "ExitProgram"]);
});

// req: VD-06
test("CommandSet is shown but inert, nothing else is", () => {
  assert.deepEqual(r.menu.filter(r.inert), ["CommandSet"]);
});

// req: VD-12
test("the open/close item changes its label", () => {
  assert.equal(r.openCloseLabel(true), "CloseDevice");
  assert.equal(r.openCloseLabel(false), "OpenDevice");
});

// req: VD-15 VD-16
test("both buttons of TakeCard close the dialog, one takes the card", () => {
  assert.deepEqual(r.takeDialog(true, "take"), { open: false, action: "takeCard" });
  assert.deepEqual(r.takeDialog(true, "notTake"), { open: false, action: "notTakeCard" });
});

// req: VD-17 VD-18
test("closing the full form shrinks it, a double-click restores it", () => {
  assert.equal(r.insertDialog("full", "close"), "small");
  assert.equal(r.insertDialog("small", "close"), "small");
  assert.equal(r.insertDialog("small", "doubleClick"), "full");
});

// req: VD-19 VD-20 VD-08
test("a command pops the dialog up, inserting hides it, the menu shows it at any time", () => {
  for (const f of ["hidden", "small", "full"]) {
    assert.equal(r.insertDialog(f, "command"), "full");
    assert.equal(r.insertDialog(f, "inserted"), "hidden");
    assert.equal(r.insertDialog(f, "menu"), "full");
  }
});

// req: VD-21 VD-23 VD-26
test("what is enabled in InsertCard", () => {
  const on = (f) => Object.entries(r.insertForm(f)).filter(([k, v]) => v && k !== "invalid").map(([k]) => k).sort();
  for (const canInsert of [true, false]) {
    const ins = canInsert ? ["insert"] : [];
    assert.deepEqual(on({ mag: true, invalid: false, canInsert }), ["ic", ...ins, "mag", "select", "track1", "track2", "track3"].sort());
    assert.deepEqual(on({ mag: false, invalid: false, canInsert }), ["ic", ...ins, "mag"].sort());
    assert.deepEqual(on({ mag: true, invalid: true, canInsert }), ins);
    assert.deepEqual(on({ mag: false, invalid: true, canInsert }), ins);
  }
});

// req: VD-24 VD-25
test("picking a stored card fills the tracks, a new name keeps them", () => {
  const cards = [{ name: "a", ic: true, track1: "1", track2: "2", track3: "3" }];
  assert.deepEqual(r.pickCard({ track1: "x" }, "a", cards), { select: "a", ic: true, track1: "1", track2: "2", track3: "3" });
  assert.deepEqual(r.pickCard({ track1: "x" }, "new", cards), { select: "new", track1: "x" });
});

// req: VD-22 VD-23
test("what InsertCard sends", () => {
  assert.deepEqual(r.insertArgs({ invalid: true, mag: true, ic: true, select: "a" }), { card: "invalid", invalid: true, mag: false, ic: false });
  assert.deepEqual(r.insertArgs({ ic: true, mag: false }), { card: "IC", mag: false, ic: true, track1: "", track2: "", track3: "" });
  assert.deepEqual(r.insertArgs({ mag: true, select: "a", track2: "2" }), { card: "a", mag: true, ic: false, track1: "", track2: "2", track3: "" });
});

// req: UX-37
test("once, n times, until cleared", () => {
  assert.deepEqual([r.times("once", 9), r.times("n", "3"), r.times("always", 5), r.times("n", "x")], [1, 3, 0, 1]);
});

// req: UX-36
test("arguments are those of the command line, and common actions are not a device's own", () => {
  assert.deepEqual(r.parseArgs('code=690 hold=true note="a b" = x'), { code: "690", hold: "true", note: "a b" });
  assert.deepEqual(r.ownActions(["placeCard", "removeCard", "powerCut", "armFault"]), ["placeCard", "removeCard"]);
  assert.deepEqual(r.facts({ a: 1, b: [1, 2], c: { d: 1 }, e: "" }), [["a", "1"], ["b", "1, 2"], ["e", ""]]);
});
