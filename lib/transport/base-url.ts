/**
 * The address that calls are made below, without the slashes at its end.
 *
 * @throws TypeError when it is no https address, or http address of this machine, or holds more than origin and path. `name`
 * says whose it is: `fluidtalkClient: baseUrl`. `plain`: any http address will do.
 * @internal
 */
export const checkedBase = (name: string, baseUrl: string, plain = false): string => {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const isHere = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && (isHere || plain))) {
    throw new TypeError(`${name} must be an https address, or an http address${plain ? '' : ' of this machine'}`);
  }
  if (url.username !== '' || url.password !== '' || /[?#\s\\]/.test(baseUrl)) {
    throw new TypeError(`${name} holds an origin and a path, nothing else`);
  }
  return baseUrl.replace(/\/+$/, '');
};
