// Runs the library's host on a port. Reads [options, receipt markdown] lines from the standard
// input and writes {"result": …} and {"fatal": …} lines.
'use strict';
const readline = require('node:readline');
const { SerialPort } = require('serialport');

const port = process.argv[2];
SerialPort.list = async () => [{ path: port }]; // it asks udev, which knows no pseudo terminals
const receiptio = require('receiptio');

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');
process.on('uncaughtException', (e) => { say({ fatal: String(e && e.stack || e) }); process.exit(1); });
process.on('unhandledRejection', (e) => { say({ fatal: String(e && e.stack || e) }); process.exit(1); });

let last = Promise.resolve();
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [options, text] = JSON.parse(line);
  last = last.then(() => receiptio.print(text, `-d ${port} -l zh -t 20 ${options}`)).then((result) => say({ result }));
});
lines.on('close', () => process.exit(0));
say({ result: 'ready' });
