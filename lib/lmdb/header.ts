/** What the two meta pages of an LMDB file say, as far as opening it depends on it. */
export interface Header {
  readonly pageBytes: number;
  /** Up to here the file must reach, or its last pages were never written. */
  readonly bytes: number;
}

const MAGIC = 0xbeefc0de;
/** The format of lmdb 3: `MDB_DATA_VERSION` of its LMDB. */
const VERSION = 2;
/** Where a meta page has what; its page header is 24 bytes long. */
const AT = { magic: 24, version: 28, pageBytes: 48, lastPage: 144, transaction: 152 };
const SMALLEST = 512;
const LARGEST = 65_536;

/** How much of a file must be read to check its header. */
export const HEADER_BYTES = LARGEST + 168;

/**
 * Reads the meta pages of an LMDB file: its header, or what is wrong as the rest of a sentence.
 *
 * The layout is that of `MDB_meta` in the LMDB that lmdb 3.5 brings along, on machines of 64 bits and little endian.
 *
 * @internal
 */
export const readHeader = (beginning: Buffer): Header | string => {
  if (beginning.length < AT.transaction + 8) return `is cut off after ${beginning.length} bytes`;
  if (beginning.readUInt32LE(AT.magic) !== MAGIC) return 'is no LMDB file';
  const version = beginning.readUInt32LE(AT.version) & 0xffff;
  if (version !== VERSION) return `is an LMDB file of format ${version}, and lmdb reads format ${VERSION}`;
  const pageBytes = beginning.readUInt32LE(AT.pageBytes);
  if (pageBytes < SMALLEST || pageBytes > LARGEST || (pageBytes & (pageBytes - 1)) !== 0) {
    return 'is damaged: its first page has no possible page size';
  }
  const second = beginning.subarray(pageBytes);
  if (second.length < AT.transaction + 8) return `is cut off after ${beginning.length} bytes`;
  if (second.readUInt32LE(AT.magic) !== MAGIC || (second.readUInt32LE(AT.version) & 0xffff) !== VERSION) {
    return 'is damaged: its second page is none of LMDB';
  }
  if (second.readUInt32LE(AT.pageBytes) !== pageBytes) return 'is damaged: its two first pages contradict each other';
  const metas = [beginning, second].map((page) => ({
    lastPage: page.readBigUInt64LE(AT.lastPage),
    transaction: page.readBigUInt64LE(AT.transaction),
  }));
  const [first, other] = metas;
  const newest = first !== undefined && other !== undefined && first.transaction > other.transaction ? first : other;
  const lastPage = newest?.lastPage ?? 0n;
  if (lastPage < 1n || lastPage > 2n ** 40n) return 'is damaged: its last page has an impossible number';
  return { pageBytes, bytes: (Number(lastPage) + 1) * pageBytes };
};
