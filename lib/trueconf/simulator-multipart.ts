/** @internal A part of a multipart body, bytes and all. */
export interface Part {
  readonly name: string;
  readonly fileName: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

const partOf = (raw: Buffer): Part | undefined => {
  const end = raw.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = raw.subarray(0, end).toString('utf8');
  const [, name] = /^content-disposition:.*?[;\s]name="([^"]*)"/im.exec(head) ?? [];
  if (name === undefined) return undefined;
  const [, fileName = ''] = /^content-disposition:.*?[;\s]filename="([^"]*)"/im.exec(head) ?? [];
  const [, type = ''] = /^content-type:\s*(.*?)\s*$/im.exec(head) ?? [];
  return { name, fileName, type, bytes: new Uint8Array(raw.subarray(end + 4)) };
};

/** @internal The parts of a multipart body, or nothing when it is none. Names are read as they are, in UTF-8. */
export const partsOf = (contentType: string, body: Uint8Array): readonly Part[] | undefined => {
  const [, quoted, plain] = /^multipart\/form-data;.*?boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) return undefined;
  // What stands before the first boundary counts for nothing, so that all of them begin with a line break.
  const bytes = Buffer.concat([Buffer.from('\r\n'), body]);
  const mark = Buffer.from(`\r\n--${boundary}`);
  const parts: Part[] = [];
  for (let at = bytes.indexOf(mark); at >= 0;) {
    const from = at + mark.length;
    if (bytes.subarray(from, from + 2).toString() === '--') return parts;
    const next = bytes.indexOf(mark, from);
    const part = next < 0 ? undefined : partOf(bytes.subarray(bytes.indexOf('\r\n', from) + 2, next));
    if (part === undefined) return undefined;
    parts.push(part);
    at = next;
  }
  return undefined;
};
