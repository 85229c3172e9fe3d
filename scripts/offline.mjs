// Preloaded by `scripts/example.mjs`: a connection to anything but this machine is an error, so no example can need the network.
import { Socket } from 'node:net';

const here = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/;
const connect = Socket.prototype.connect;

/** @type {(this: Socket, ...args: any[]) => Socket} */
function connectHere(...args) {
  // `net.connect` passes its normalised arguments as one array.
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  const host =
    typeof options === 'object' ? (options.host ?? 'localhost') : typeof args[1] === 'string' ? args[1] : 'localhost';
  if (typeof options === 'object' && options.path === undefined && !here.test(host)) {
    throw new Error(`an example tried to reach ${host}: examples run offline`);
  }
  return Reflect.apply(connect, this, args);
}

Socket.prototype.connect = connectHere;
