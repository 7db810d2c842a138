/** Names and address ranges that nobody outside reaches: loopback, private, link-local and reserved ones. */
const PRIVATE =
  /^(localhost|.*\.(localhost|local|internal|lan|home\.arpa)|0|0\.\d+\.\d+\.\d+|10\.\d+\.\d+\.\d+|127\.\d+\.\d+\.\d+|169\.254\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+|192\.168\.\d+\.\d+|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+|(22[4-9]|23\d|24\d|25[0-5])\.\d+\.\d+\.\d+|\[(::1?|f[cdef].*|::ffff:.*)\])\.?$/i;

/** Whether a messenger can fetch it: an absolute http(s) address without a user name, as far as its host tells. */
export const isPublicUrl = (text: string | undefined): text is string => {
  if (text === undefined || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password } = new URL(text);
  return username === '' && password === '' && /[.:]/.test(hostname) && !PRIVATE.test(hostname);
};
