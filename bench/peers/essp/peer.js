// Runs the library's host on a port. Reads [command, arguments] lines from the standard input
// and writes {"reply": …}, {"event": …} and {"fatal": …} lines.
'use strict';
require('./shims');
const readline = require('node:readline');
const SSP = require('encrypted-smiley-secure-protocol');

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
process.on('uncaughtException', (e) => { say({ fatal: String(e && e.stack || e) }); process.exit(1); });
process.on('unhandledRejection', (e) => { say({ fatal: String(e && e.stack || e) }); process.exit(1); });

const host = new SSP({ id: 0, timeout: 1000, fixedKey: process.argv[3] || '0123456701234567' });
for (const name of ['SLAVE_RESET', 'READ_NOTE', 'NOTE_STACKING', 'CREDIT_NOTE', 'NOTE_STACKED', 'NOTE_REJECTING', 'NOTE_REJECTED',
  'NOTE_STORED_IN_PAYOUT', 'DISPENSED', 'NOTE_HELD_IN_BEZEL', 'SMART_EMPTIED', 'FRAUD_ATTEMPT', 'SAFE_NOTE_JAM']) {
  host.on(name, (info) => say({ event: name, channel: info.channel, value: info.value }));
}

async function run(command, args) {
  switch (command) {
    case 'ENCRYPT': await host.initEncryption(); return { status: host.keys.key === null ? 'NO_KEY' : 'OK' };
    case 'ENABLE': return host.enable();
    case 'DISABLE': return host.disable();
    default: return host.command(command, args);
  }
}

host.open(process.argv[2], {}).then(() => {
  let last = Promise.resolve();
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [command, args] = JSON.parse(line);
    last = last.then(() => run(command, args)).then((r) => say({ reply: command, status: r.status, info: r.info, error: r.error }));
  });
  lines.on('close', () => process.exit(0));
  say({ reply: 'OPEN', status: 'OK' });
});
