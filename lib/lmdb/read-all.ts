import { createReadStream, writeSync } from 'node:fs';
import { InboundEventCodec, OutboundActionCodec } from '../model/codec.js';
import { openEngine, type Engine } from './engine.js';
import { NAMES, sideKey } from './lmdb-file.js';
import { decodeHead, decodeKept, decodeLetter, jsonIn, objectIn, type Content } from './records.js';
import { decodeRecord } from './store-records.js';

/**
 * Reads everything of a file, in a process of its own: what is damaged kills it. Writes one line of JSON for each part: when
 * it begins, so that whoever started it knows where it ended, and when it is done.
 */

/** How a part was found. */
interface Found {
  readonly part: string;
  /** How much it is, in words. */
  readonly holds: string;
  readonly unread: readonly string[];
  readonly wrong?: string;
}

const say = (line: object): void => {
  // At once: the next record may be the last.
  writeSync(1, `${JSON.stringify(line)}\n`);
};

/** All of a database; nothing where it was not made before the process that makes it ended. */
const numbered = (engine: Engine, name: string): ReturnType<ReturnType<Engine['numbered']>['getRange']> | [] =>
  engine.names().includes(name) ? engine.numbered(name).getRange({ start: 0 }) : [];
const keyed = (engine: Engine, name: string): ReturnType<ReturnType<Engine['keyed']>['getRange']> | [] =>
  engine.names().includes(name) ? engine.keyed(name).getRange({ start: Buffer.of(0) }) : [];

/** Problems of single records are told up to here. */
const MOST = 10;

const readQueue = (engine: Engine, name: string): Found => {
  const side = engine.keyed('tidewire');
  const holds = side.get(sideKey('holds', name))?.toString();
  const isItem = (value: unknown): boolean =>
    holds === 'actions' ? OutboundActionCodec.is(value) : InboundEventCodec.is(value);
  const unread: string[] = [];
  const look = (what: string, content: Content): void => {
    let isRead = content.problem === undefined;
    try {
      isRead &&= isItem(JSON.parse(jsonIn(content)));
    } catch {
      isRead = false;
    }
    if (!isRead && unread.length < MOST) unread.push(what);
  };
  let waiting = 0;
  let letters = 0;
  let bytes = 0;
  for (const { key, value } of numbered(engine, `q/${name}/items`)) {
    const kept = decodeKept(value);
    waiting++;
    bytes += kept.bytes;
    look(`item ${key}`, kept.content);
  }
  for (const { key, value } of numbered(engine, `q/${name}/letters`)) {
    const { kept, reason } = decodeLetter(value);
    letters++;
    bytes += kept.bytes;
    // A letter about what cannot be read is as it should be.
    if (reason?.startsWith('it cannot be read') !== true) look(`letter ${key}`, kept.content);
  }
  // Numbers only: that they can be read is all.
  for (const table of ['tries', 'batches', 'holds']) Array.from(numbered(engine, `q/${name}/${table}`));
  const record = side.get(sideKey('queue', name));
  const head = record === undefined ? undefined : decodeHead(record);
  const counted = `${waiting} items, ${letters} letters and ${bytes} bytes`;
  const isRight =
    head === undefined
      ? record === undefined && waiting + letters === 0
      : head.waiting === waiting && head.letters === letters && head.bytes === bytes;
  const found = { part: `queue ${name}`, holds: `${waiting} items, ${letters} dead letters`, unread };
  return isRight ? found : { ...found, wrong: `its head does not say that there are ${counted}` };
};

const readStore = (engine: Engine, name: string): Found => {
  const unread: string[] = [];
  let records = 0;
  let bytes = 0;
  for (const { value } of keyed(engine, `s/${name}/values`)) {
    records++;
    bytes += value.length;
    if (decodeRecord(value) === undefined && unread.length < MOST) unread.push(`entry ${records}`);
  }
  const record = engine.keyed('tidewire').get(sideKey('store', name));
  const head = record === undefined ? undefined : objectIn(record);
  const isRight = record === undefined ? records === 0 : head?.['entries'] === records && head['bytes'] === bytes;
  Array.from(keyed(engine, `s/${name}/due`));
  const found = { part: `store ${name}`, holds: `${records} entries`, unread };
  return isRight ? found : { ...found, wrong: `its head does not say that there are ${records} entries` };
};

/** Whose file it is: `lmdbFile` refuses one that is not of the marker beside it. */
const strangeness = (engine: Engine, names: readonly string[], id: string): string | undefined => {
  if (names.length > 0 && !names.includes(NAMES.side)) return 'it is the file of another program';
  const found = names.length > 0 ? engine.keyed(NAMES.side).get(sideKey('file')) : undefined;
  if (found === undefined || id === '' || found.toString().includes(`"${id}"`)) return undefined;
  return 'it belongs to another marker than the one beside it';
};

const [, , data = '', id = ''] = process.argv;
say({ begins: 'the file itself' });
// Every page as it is: what the disk cannot give back shows here.
let length = 0;
for await (const chunk of createReadStream(data) as AsyncIterable<Buffer>) length += chunk.length;
say({ part: 'the file itself', holds: `${length} bytes`, unread: [] });
say({ begins: 'the list of its parts' });
const engine = openEngine(data, true);
const names = engine.names();
const wrong = strangeness(engine, names, id);
say({
  part: 'the list of its parts',
  holds: `${names.length} tables`,
  unread: [],
  ...(wrong !== undefined && { wrong }),
});
for (const name of names) {
  const [, kind, of] = /^([qs])\/(.+)\/(?:items|values)$/.exec(name) ?? [];
  if (kind === undefined || of === undefined) continue;
  say({ begins: `${kind === 'q' ? 'queue' : 'store'} ${of}` });
  say(kind === 'q' ? readQueue(engine, of) : readStore(engine, of));
}
await engine.close();
