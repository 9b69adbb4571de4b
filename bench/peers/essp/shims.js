// The library was written for serialport 9 and for an OpenSSL that makes 16-bit groups.
'use strict';
const Module = require('node:module');
const crypto = require('node:crypto');

const { SerialPort } = require('serialport');
// serialport 9: new SerialPort(path, { databits, stopbits, … })
function OldSerialPort(path, o) {
  return new SerialPort({ path, baudRate: o.baudRate, dataBits: o.databits, stopBits: o.stopbits, parity: o.parity, highWaterMark: o.highWaterMark, autoOpen: o.autoOpen });
}
const load = Module._load;
Module._load = function (request, parent, main) {
  if (request === 'serialport' && parent && /encrypted-smiley-secure-protocol/.test(parent.filename)) return OldSerialPort;
  return load.call(this, request, parent, main);
};

// OpenSSL 3 refuses such small groups; the library only wants a 16-bit prime from it.
crypto.createDiffieHellman = () => ({ getPrime: () => Buffer.from(crypto.generatePrimeSync(16)) });
