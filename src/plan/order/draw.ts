import { sha256 } from '../../util/sha256.js';

/** Returns a number above 0 and below 1 for an id: the same for the same inputs. */
export type Draw = (id: string) => number;

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The top 53 bits of a text's SHA-256. */
export function hash53(text: string): number {
  const digest = sha256(text);
  let bits = 0;
  for (let i = 0; i < 8; i += 1) bits = bits * 64 + DIGITS.indexOf(digest.charAt(i));
  return bits * 32 + (DIGITS.indexOf(digest.charAt(8)) >>> 1);
}

/**
 * For calls with an assignment key: uses the top 53 bits of SHA-256 over `salt \0 id \0 key` in UTF-8, so that
 * processes, restarts and other languages agree.
 */
export function drawByKey(salt: string, key: string): Draw {
  return (id) => (hash53(`${salt}\0${id}\0${key}`) + 0.5) / 2 ** 53;
}

/**
 * For calls without a key: uses the route's seed, the number of the call and the id, so that `explain()` can predict
 * the next draw.
 */
export function drawByNumber(seed: number, callNumber: number): Draw {
  const start = mix(seed ^ Math.imul(callNumber, 0x9e3779b1));
  return (id) => {
    let hash = start;
    for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
    return ((mix(hash) >>> 0) + 0.5) / 2 ** 32;
  };
}

/** Spreads every bit over all others (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
