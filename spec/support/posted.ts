import type { RocketchatWebhookReceiver } from 'tidewire/rocketchat';

/** Posts to a webhook as a framework does that has read the body: the answer is there at once. */
export const postedTo = (
  { node }: RocketchatWebhookReceiver,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): { readonly status: number; readonly body: string } => {
  const answer = { status: 0, body: '' };
  const request = {
    method: 'POST',
    url: '/hook',
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body,
    readableEnded: true,
    complete: true,
    socket: { destroyed: false },
  };
  const response = {
    destroyed: false,
    writableEnded: false,
    writeHead: (status: number) => (answer.status = status),
    end: (text: string) => (answer.body = text),
  };
  node(request as unknown as Parameters<typeof node>[0], response as unknown as Parameters<typeof node>[1]);
  return answer;
};
